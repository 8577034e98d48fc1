"""A server of windowclf from Python, on the standard library alone."""

from windowclf.client.client import PRODUCTION, Client
from windowclf.client.connection import DEFAULT_SERVER, Json, ServerError

__all__ = ["DEFAULT_SERVER", "PRODUCTION", "Client", "Json", "ServerError"]
