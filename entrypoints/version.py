"""The version, from the installed package."""

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("session-keeper")
except PackageNotFoundError:
    VERSION = "0"
