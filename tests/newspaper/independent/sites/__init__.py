"""The independent newspapers, one file each or one for a family."""

from .anandabazar import Anandabazar
from .bbc_bangla import BBCBangla
from .desh_barta import DeshBarta
from .dhaka_post import DhakaPost
from .jadewits import Ittefaq
from .jago_news import JagoNews
from .jugantor import Jugantor
from .prothom_alo import ProthomAlo
from .samakal import Samakal
from .wordpress import NodiSomoy

__all__ = [
    "Anandabazar",
    "BBCBangla",
    "DeshBarta",
    "DhakaPost",
    "Ittefaq",
    "JagoNews",
    "Jugantor",
    "NodiSomoy",
    "ProthomAlo",
    "Samakal",
]
