import re
from dataclasses import fields
from pathlib import Path

import pytest

from firesteel.errors import SettingsError
from firesteel.settings import Settings, key_of

EXAMPLE = Path(__file__).parents[2] / ".env.example"


def test_nothing_set_gives_the_defaults():
    assert Settings.read({}) == Settings()


def test_values_are_read_into_their_types():
    settings = Settings.read(
        {
            "FIRESTEEL_STORE": "s3://bucket/prefix",
            "FIRESTEEL_MODEL": "recruits/qb",
            "FIRESTEEL_REFRESH_SECONDS": "2.5",
            "FIRESTEEL_MODELS_MIB": "64",
            "FIRESTEEL_PORT": " 9000 ",
            "FIRESTEEL_LOG_LEVEL": "debug",
            "FIRESTEEL_CORS_ORIGINS": "https://a.example, http://localhost:3000",
            "FIRESTEEL_CORS_CREDENTIALS": "True",
        }
    )
    assert settings.store == "s3://bucket/prefix"
    assert settings.model == "recruits/qb"
    assert settings.refresh_seconds == 2.5
    assert settings.models_mib == 64
    assert settings.port == 9000
    assert settings.log_level == "DEBUG"
    assert settings.cors_origins == ("https://a.example", "http://localhost:3000")
    assert settings.cors_credentials is True


def test_keys_of_others_are_none_of_our_business():
    assert Settings.read({"AWS_REGION": "eu-central-1", "PATH": "/bin"}) == Settings()


def test_an_empty_value_is_the_default():
    assert Settings.read({"FIRESTEEL_PORT": "", "FIRESTEEL_CORS_ORIGINS": " "}) == Settings()


def test_an_unknown_key_is_refused_with_a_suggestion():
    with pytest.raises(SettingsError, match="FIRESTEEL_STORES is no setting; did you mean FIRESTEEL_STORE?"):
        Settings.read({"FIRESTEEL_STORES": "file://x"})


def test_a_key_like_no_other_is_refused_with_the_list():
    with pytest.raises(SettingsError, match="FIRESTEEL_QQQQQQQQQQQ is no setting; there are: FIRESTEEL_STORE, "):
        Settings.read({"FIRESTEEL_QQQQQQQQQQQ": "1"})


def test_a_key_in_lower_case_is_refused():
    with pytest.raises(SettingsError, match="did you mean FIRESTEEL_PORT"):
        Settings.read({"FIRESTEEL_port": "1"})


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("store", "ftp://somewhere", "file://folder, s3://bucket/prefix, memory://"),
        ("model", "No Such Name", "a model's name"),
        ("alias", "a/b", "an alias's name"),
        ("refresh_seconds", "-1", "a number from 0.0 to 86400.0"),
        ("refresh_seconds", "nan", "a number from"),
        ("refresh_seconds", "soon", "a number from"),
        ("models_mib", "-1", "a whole number from 0 to 10240"),
        ("models_mib", "1e3", "a whole number from 0 to 10240"),
        ("log_level", "LOUD", "DEBUG, INFO, WARNING, ERROR, CRITICAL"),
        ("service", "två ord", "letters, digits"),
        ("metrics_namespace", "{}", "letters, digits"),
        ("host", "a b", "a host name"),
        ("port", "80.5", "a whole number from 0 to 65535"),
        ("port", "70000", "a whole number from 0 to 65535"),
        ("rate_limit", "-1", "a whole number from 0"),
        ("rate_window_seconds", "0", "a whole number from 1"),
        ("cors_origins", "example.com", "origins separated by commas"),
        ("cors_origins", "https://example.com/path", "origins separated by commas"),
        ("cors_credentials", "yes", "true, false"),
    ],
)
def test_a_bad_value_is_refused_naming_key_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(SettingsError) as caught:
        Settings.read({key_of(name): value})
    message = str(caught.value)
    assert message.startswith(f"{key_of(name)} is {value!r}; allowed: ")
    assert allowed in message


def test_any_origin_with_credentials_is_refused():
    with pytest.raises(SettingsError, match="credentials for listed origins only"):
        Settings.read({"FIRESTEEL_CORS_ORIGINS": "*", "FIRESTEEL_CORS_CREDENTIALS": "true"})


def test_the_example_file_lists_every_setting_with_its_default_and_no_other():
    listed = dict(re.findall(r"^(FIRESTEEL_[A-Z_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    assert list(listed) == [key_of(field.name) for field in fields(Settings)]
    assert Settings.read(listed) == Settings()


def test_settings_do_not_change():
    with pytest.raises(AttributeError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("text", ["q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=", "file://q83vEjRW", "secret"])
def test_what_was_put_in_the_place_of_a_signing_key_is_never_told(text: str) -> None:
    with pytest.raises(SettingsError, match="FIRESTEEL_SIGNING_KEY is .*; allowed: file:///path") as refused:
        Settings.read({"FIRESTEEL_SIGNING_KEY": text})
    assert text not in str(refused.value)
    assert ("must be replaced" in str(refused.value)) is (len(text) == 44)


def test_blanks_do_not_switch_signatures_off() -> None:
    assert Settings.read({"FIRESTEEL_PUBLIC_KEYS": ""}).public_keys == ()
    with pytest.raises(SettingsError, match="FIRESTEEL_PUBLIC_KEYS is blank; allowed: public keys"):
        Settings.read({"FIRESTEEL_PUBLIC_KEYS": " "})
