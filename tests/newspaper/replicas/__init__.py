"""Small newspapers on other systems than Kalbela's, of thirty composed stories each."""

from .replica import REPLICAS, Replica

__all__ = ["REPLICAS", "Replica"]
