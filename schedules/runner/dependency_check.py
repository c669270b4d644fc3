"""Floors: the least versions that a run may use, which are those whose known holes are closed."""

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement


def outdated_packages() -> list[str]:
    """Each package that is missing or older than the project declares, in a sentence: what there is, what is needed."""
    found = []
    for requirement in map(Requirement, requires("khobor") or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            have = version(requirement.name)
        except PackageNotFoundError:
            found.append(f"{requirement.name} is not installed, and {requirement.specifier or 'any'} is needed")
            continue
        if not requirement.specifier.contains(have, prereleases=True):
            found.append(f"{requirement.name} {have} is installed, and {requirement.specifier} is needed")
    return found
