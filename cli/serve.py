"""`firesteel serve`: the API as a server on this machine."""

from dataclasses import replace

from firesteel.settings import Settings


def serve(settings: Settings, host: str, port: int) -> None:
    """Serve the model that the settings name until interrupted."""
    from functions.classify import server

    server.run(replace(settings, host=host, port=port))
