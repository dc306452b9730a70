"""The one error that ends a measurement."""


class BenchFailure(Exception):
    """Why there is nothing to report; its text is for the person at the terminal."""
