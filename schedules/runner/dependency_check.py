"""Check the installed dependencies against their minimum versions; older versions have known vulnerabilities."""

from importlib.metadata import PackageNotFoundError, requires, version

from packaging.requirements import Requirement


def outdated_packages() -> list[str]:
    """Return a sentence for each dependency that is not installed, or is older than the minimum version."""
    outdated = []
    for requirement in map(Requirement, requires("khobor") or ()):
        if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            installed = version(requirement.name)
        except PackageNotFoundError:
            outdated.append(f"{requirement.name} is not installed, and {requirement.specifier or 'any'} is needed")
            continue
        if not requirement.specifier.contains(installed, prereleases=True):
            outdated.append(f"{requirement.name} {installed} is installed, and {requirement.specifier} is needed")
    return outdated
