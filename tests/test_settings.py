"""Settings: what stands in for an unset variable, what is refused, and what is only remarked upon."""

import os
from dataclasses import fields
from pathlib import Path

import pytest

from app.domain.errors import ConfigurationError
from app.settings import BUILT_IN_SERVICES, SETTINGS, Setting, Settings, load_settings, unknown_variables

VARIABLES = [setting.variable for setting in SETTINGS]

every_setting = pytest.mark.parametrize("setting", SETTINGS, ids=VARIABLES)


def refusal(**environment: str) -> str:
    with pytest.raises(ConfigurationError) as refused:
        load_settings(environment)
    return str(refused.value)


def models(**environment: str) -> dict[str, str]:
    return {name: service.model for name, service in load_settings(environment).services.items()}


def test_the_list_fills_the_settings() -> None:
    read = {setting.field for setting in SETTINGS} - {"model"}
    assert read == {field.name for field in fields(Settings)}
    assert len(set(VARIABLES)) == len(SETTINGS)
    assert all(setting.meaning for setting in SETTINGS)


@every_setting
def test_an_empty_variable_is_an_unset_one(setting: Setting) -> None:
    assert load_settings({setting.variable: "  "}) == load_settings({})


@every_setting
@pytest.mark.parametrize("kind", ["a letter too few", "two letters swapped", "a letter more", "lower case", "cut"])
def test_every_setting_misspelt_is_named_with_the_right_one(setting: Setting, kind: str) -> None:
    right = setting.variable
    middle = len(right) - 3
    wrong = {
        "a letter too few": right[:middle] + right[middle + 1 :],
        "two letters swapped": right[:middle] + right[middle + 1] + right[middle] + right[middle + 2 :],
        "a letter more": right + "S",
        "lower case": right.lower(),
        "cut": right[:-2],
    }[kind]
    if wrong in VARIABLES or (kind == "cut" and setting.field == "database_url"):
        return  # DATABASE_U may be anybody's
    (sentence,) = unknown_variables({wrong: "x"}).values()
    assert sentence == f"{wrong} is no setting: is {right} meant?"
    assert load_settings({wrong: "x"}) == load_settings({})


def test_what_resembles_no_setting_is_remarked_upon_without_a_guess() -> None:
    assert unknown_variables({"LOOKALIKE_": "x"})
    assert unknown_variables({"LOOKALIKE_XYZZY": "1"}) == {"LOOKALIKE_XYZZY": "LOOKALIKE_XYZZY is no setting"}


def test_other_programs_variables_are_left_alone() -> None:
    others = {"PATH": "/bin", "DATABASE": "x", "HOME": "/", "PGPASSWORD": "x", "MODEL": "x", "WORKERS": "3"}
    assert unknown_variables({**others, **dict.fromkeys(VARIABLES, "")}) == {}
    # With the right one set, the other is somebody else's.
    assert unknown_variables({"DATABASE_URL": "", "DATABASE_URI": ""}) == {}
    assert unknown_variables({"DATABASE_URI": ""})


WRONG_MODELS = {
    "xyz": "is no model",
    "Efficientnet-Lite0": "is efficientnet-lite0 meant?",
    "clip-ViT-B32": "is clip-ViT-B-32 meant?",
    "vectors": "--dim",
    "vectors@bfloat16": "--dim",
    "efficientnet-lite0@int8": "unknown precision 'int8'",
    "efficientnet-lite0@": "unknown precision ''",
    "@bfloat16": "names no model",
    "@": "has no name",
    "/no/such/folder": "is not a folder",
    "./models": "is not a folder",
    "~/no-such-folder": "is not a folder",
    "~nobody-of-this-name/models": "is not a folder",
    "one/two/three": "is not a folder",
    "/" + "x" * 5000: "is not a folder",
    "owner/": "neither a folder nor the name of a model",
    "owner/a b": "neither a folder nor the name of a model",
    "clip ViT": "neither a folder nor the name of a model",
}


@pytest.mark.parametrize(("model", "reason"), WRONG_MODELS.items())
def test_a_model_that_cannot_exist_is_refused(
    model: str, reason: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert reason in refusal(LOOKALIKE_MODEL=model)
    assert reason in refusal(LOOKALIKE_SERVICES=f"photos={model}")
    assert reason in refusal(LOOKALIKE_SERVICES=f"mine={model}")


def test_a_model_that_may_exist_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models" / "a@b").mkdir(parents=True)
    for model in [
        "efficientnet-lite0", "efficientnet-lite0@bfloat16", "clip-ViT-L-14", "clip-ViT-B-16@float32",
        "owner/name", "sentence-transformers/clip-ViT-B-32", "owner/na.me_1@bfloat16",
        "models", "./models", "models/a@b", str(tmp_path / "models"), f"{tmp_path}/models@bfloat16",
    ]:  # fmt: skip
        assert models(LOOKALIKE_MODEL=model)["photos"] == model


def test_services_take_the_default_model_unless_they_name_one() -> None:
    assert models() == dict.fromkeys(BUILT_IN_SERVICES, "clip-ViT-B-32")
    for alone in ("photos", "products", "photos,products", "photos , "):
        assert models(LOOKALIKE_SERVICES=alone, LOOKALIKE_MODEL="owner/name") == dict.fromkeys(
            BUILT_IN_SERVICES, "owner/name"
        )
    assert models(LOOKALIKE_SERVICES="photos = efficientnet-lite0,mine,its/own=owner/name") == {
        "photos": "efficientnet-lite0",
        "products": "clip-ViT-B-32",
        "mine": "clip-ViT-B-32",
        "its/own": "owner/name",
    }


def test_no_path_belongs_to_two_services() -> None:
    for name, paths in BUILT_IN_SERVICES.items():
        for path in paths:
            for spelling in (path, f"{path}=efficientnet-lite0"):
                assert "use that name" in refusal(LOOKALIKE_SERVICES=spelling)
                assert repr(name) in refusal(LOOKALIKE_SERVICES=spelling)
    assert "named twice" in refusal(LOOKALIKE_SERVICES="mine=efficientnet-lite0,mine")
    assert "names no model" in refusal(LOOKALIKE_SERVICES="mine=")
    for name in ("Mine", "mine/", "/mine", "a//b", "mine?", "account", "account/mine"):
        assert "LOOKALIKE_SERVICES" in refusal(LOOKALIKE_SERVICES=name)
    services = load_settings({"LOOKALIKE_SERVICES": "photo/search,similarity/colors"}).services
    paths = [path for service in services.values() for path in service.paths]
    assert len(paths) == len(set(paths))


WRONG = {
    "database_url": ["mysql://h/d", "h"],
    "home": ["/dev/null", "~nobody-of-this-name"],
    "model": ["xyz"],
    "services": ["Bad Name"],
    "preload": ["2", "si"],
    "export_folder": ["/dev/null", "~nobody-of-this-name"],
    "file_roots": ["/no/such/folder", "/dev/null"],
    "url_allow": ["300.1.2.3/8", "http://h"],
    "url_ports": ["many", "0", "65536", "90-80", "80-", "-1", "80;443"],
}


@every_setting
def test_every_setting_refuses_nonsense(setting: Setting) -> None:
    for text in WRONG.get(setting.field, ["many", "-1", "1e99", "nan", "9" * 5000]):
        assert setting.variable in refusal(**{setting.variable: text})


def test_all_wrong_ones_are_told_at_once_and_no_password() -> None:
    wrong = {setting.variable: WRONG.get(setting.field, ["many"])[0] for setting in SETTINGS}
    message = refusal(**{**wrong, "DATABASE_URL": "mysql://user:secret@host/d"})
    assert len(message.splitlines()) == 1 + len(SETTINGS)
    assert all(variable in message for variable in VARIABLES)
    assert "secret" not in message


@pytest.mark.parametrize(("text", "value"), [("1", True), ("0", False), ("No", False), ("TRUE", True)])
def test_a_switch(text: str, value: bool) -> None:
    assert load_settings({"LOOKALIKE_PRELOAD": text}).preload is value


def test_the_export_folder_follows_the_home(tmp_path: Path) -> None:
    assert load_settings({"LOOKALIKE_HOME": str(tmp_path)}).export_folder == tmp_path.resolve() / "exports"


def test_the_environment_is_read_when_nothing_else_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOOKALIKE_MAX_RECORDS", "7")
    assert load_settings().max_records == load_settings(os.environ).max_records == 7
