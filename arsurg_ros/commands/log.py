# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""``arsurg log verify``: the record of accepted registrations (a store of the registration node), checked and shown.

The JSON object: ``command``; ``folder``; ``entries``, a list of ``sequence``, ``time`` (UTC), ``event``, ``what`` and
``sha256``; ``head``, the last one's hash; ``in_use``, the registration that holds after them, as the log has it (metres), or
null; ``notes``. A broken log is a refusal that names the line, and exit status 2.
"""

from __future__ import annotations

import argparse
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from arsurg_ros.registration.chain import Entry
from arsurg_ros.registration.records import record_json
from arsurg_ros.registration.store import Verified, verify

CANNOT = (
    'The chain shows any change but one: somebody who writes the whole folder anew, or puts an older copy of it back. '
    '--head with a hash from a bag or a service answer shows that too.'
)


def add(parsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the command to its group."""
    parser = parsers.add_parser('verify', help='check a store and list its entries', description=CANNOT)
    parser.add_argument('folder', type=Path, help="the registration node's parameter store")
    parser.add_argument('--head', default='', metavar='SHA256', help='a hash that the log had: from an answer, or a bag')
    parser.add_argument('--json', action='store_true', help='print one JSON object instead of text')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Check and print; return 0. Raises RegistrationError that names the line where the chain is broken."""
    found = verify(args.folder, args.head)
    print(json.dumps(answer(args.folder, found), allow_nan=False) if args.json else text(args.folder, found))
    return 0


def answer(folder: Path, found: Verified) -> dict[str, Any]:
    """Return the JSON object."""
    rows = [
        {'sequence': e.sequence, 'time': utc(e.time_ns), 'event': e.event, 'what': what(e), 'sha256': e.sha256}
        for e in found.chain.entries
    ]
    return {
        'command': 'log verify',
        'folder': str(folder),
        'entries': rows,
        'head': found.chain.head,
        'in_use': record_json(found.history[-1]) if found.history else None,
        'notes': list(found.notes),
    }


def text(folder: Path, found: Verified) -> str:
    """Return the entries as lines."""
    lines = [f'{e.sequence:4}  {utc(e.time_ns)}  {e.event:9}  {e.sha256[:12]}  {what(e)}' for e in found.chain.entries]
    now = f'FRE {found.history[-1].result.fre_m * 1e3:.3f} mm' if found.history else 'none'
    lines += [f'in use  {now}', f'head    {found.chain.head}']
    lines += [f'note    {note}' for note in found.notes]
    return '\n'.join([*lines, f'{folder}: {len(found.chain.entries)} entries, the chain is whole'])


def what(entry: Entry) -> str:
    """Return what happened, in a few words."""
    data = entry.data
    if entry.event == 'accepted':
        return _registration(data['record'])
    if entry.event == 'loaded':
        return f'{len(data["history"])} registrations; in use: {_registration(data["history"][-1])}'
    if entry.event == 'validated':
        verdict = 'passed' if data['passed'] else 'FAILED'
        kind = 'held out' if data['independent'] else 'used'
        return f'{data["landmark"]} ({kind}) {data["error_m"] * 1e3:.2f} mm off: {verdict}'
    if entry.event == 'created':
        return f'{data["ref_frame"]} -> {data["ct_frame"]}, {data["software"]}'
    if 'accepted_unix_ns' in data:
        return f'to the one accepted {utc(data["accepted_unix_ns"])}'
    return str(data.get('reason', ''))


def utc(time_ns: int) -> str:
    """Return a time of the system clock as ISO 8601, UTC, to the second."""
    return datetime.fromtimestamp(time_ns // 1_000_000_000, tz=timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')


def _registration(record: dict[str, Any]) -> str:
    result = record['registration']
    rejected = f', rejected {", ".join(result["rejected"])}' if result['rejected'] else ''
    return f'FRE {result["fre_m"] * 1e3:.3f} mm over {len(record["landmarks"])} landmarks{rejected}'
