"""Warren: a gateway for Trino that scales out."""

__version__ = "0.1.0"
