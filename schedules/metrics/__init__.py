"""The numbers of a data folder for Prometheus."""
