# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""`make check` never turns green over a part that failed or, in CI, was left out."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))

import build_wasm
import check
from check import FAILED, OK, SKIPPED, Outcome, Part


@pytest.mark.parametrize(
    ('code', 'status'),
    [
        ('print("fine")', OK),
        ('raise SystemExit(3)', FAILED),
        (f'print("{check.NOT_COMPARED}: another rustc")', SKIPPED),
    ],
)
def test_the_outcome_of_a_part(code: str, status: str, capfd: pytest.CaptureFixture[str]) -> None:
    found = check.check(Part('it', [sys.executable, '-c', code], partly=check.NOT_COMPARED))
    assert (found.name, found.status) == ('it', status)


def test_a_part_without_its_tools_is_not_run() -> None:
    found = check.check(Part('it', ['/nowhere/tool'], missing='no tool: install it'))
    assert found == Outcome('it', SKIPPED, 'no tool: install it')


@pytest.mark.parametrize(
    ('statuses', 'ci', 'code'),
    [([OK, OK], True, 0), ([OK, SKIPPED], False, 0), ([OK, SKIPPED], True, 1), ([FAILED, OK], False, 1)],
)
def test_the_verdict(statuses: list[str], ci: bool, code: int) -> None:
    assert check.verdict([Outcome('x', status, '') for status in statuses], ci) == code


def test_no_rust_at_all_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise build_wasm.BuildError('no toolchain')

    monkeypatch.setattr(build_wasm, 'find_toolchain', refuse)
    monkeypatch.setattr(build_wasm, 'install_toolchain', refuse)
    monkeypatch.setattr(check.shutil, 'which', lambda name: None)
    assert check.cargo_test().missing == 'no toolchain'
    assert check.install_toolchain() == Outcome('rust toolchain', SKIPPED, 'no toolchain')
