"""`firesteel keys`: make a key that signs, and show the public key that deployments pin."""

from binascii import b2a_base64
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from cli.environment import settings
from cli.output import AsJson, console, print_json
from firesteel.errors import SettingsError
from firesteel.registry import seal
from firesteel.registry.signer import FileSigner, Signer, open_signer
from firesteel.settings import key_of


def add_to(app: typer.Typer) -> None:
    commands = typer.Typer(
        no_args_is_help=True,
        help="Keys that sign what is published and promoted.",
        epilog="Examples:\n\nfiresteel keys new ~/.firesteel.key\n\nfiresteel keys show --json",
    )
    commands.command(epilog="Examples:\n\nfiresteel keys new ~/.firesteel.key")(new)
    commands.command(
        epilog="Examples:\n\nfiresteel keys show\n\nFIRESTEEL_SIGNING_KEY=awskms:///alias/firesteel firesteel keys show"
    )(show)
    app.add_typer(commands, name="keys")


def new(
    file: Annotated[Path, typer.Argument(help="Where the key goes: a new file that only you may read.")],
    as_json: AsJson = False,
) -> None:
    """Make an Ed25519 key to sign with on this machine. On AWS a key of KMS signs, which never leaves it."""
    path = file.expanduser().absolute()
    if any(map(str.isspace, str(path))):
        raise SettingsError(
            f"{path} has a space in it, and {key_of('signing_key')} can have none: choose another place"
        )
    _tell(FileSigner.new(path), as_json, f"file://{path}")


def show(as_json: AsJson = False) -> None:
    """The public key of FIRESTEEL_SIGNING_KEY, and its id. A key of KMS is asked for it."""
    url = settings().signing_key
    if not url:
        raise SettingsError(
            f"{key_of('signing_key')} is not set: there is no key to show; `firesteel keys new FILE` makes one"
        )
    _tell(open_signer(url), as_json)


def _tell(signer: Signer, as_json: bool, url: str = "") -> None:
    public = signer.public_key
    text = b2a_base64(public, newline=False).decode()
    if as_json:
        print_json({"id": seal.key_id(public), "public_key": text} | ({"signing_key": url} if url else {}))
        return
    console.print(f"key {seal.key_id(public)}")
    if url:
        console.print(f"{key_of('signing_key')}={escape(url)}", soft_wrap=True)
    console.print(f"{key_of('public_keys')}={text}", soft_wrap=True)
    console.print(f"sam deploy --parameter-overrides PublicKeys={text} ...", soft_wrap=True)
