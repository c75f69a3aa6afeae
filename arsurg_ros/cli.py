# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The ``arsurg`` command."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

from arsurg_ros import __version__, commands, doctor, report
from arsurg_ros.commands.common import join_points
from arsurg_ros.environment import DOMAIN_VARIABLE, free_domain_id, remove_stale_segments, ros_environment
from arsurg_ros.errors import ArsurgError, ConfigError, error_code
from arsurg_ros.runner import SystemRunner
from arsurg_ros.system import DEMO, REPLAY, NodeSpec, demo_profile, load_profile, replay_profile

MISSED, REFUSED, INTERRUPTED = 1, 2, 130
EXPECTED = {
    'camera': ['camera/image_raw', 'camera/camera_info'],
    'tracker': ['/tf'],
    'overlay': ['overlay/image_raw', 'overlay/state'],
}


def main(argv: list[str] | None = None) -> int:
    """Run ``arsurg``; return 0, 1 where a limit is missed, 2 for input that cannot be used or a node that failed."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments[:1] == ['doctor']:
        return doctor.main(arguments[1:])
    try:
        args = parser(arguments).parse_args(join_points(arguments))
    except ConfigError as e:
        # demo and replay have a file behind --json
        asked = '--json' in arguments and arguments[0] not in ('demo', 'replay')
        return refuse(argparse.Namespace(json=asked), error_code(e), str(e))
    # So that a run that is told to end takes its nodes with it.
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        return int(args.run(args))
    except ArsurgError as e:
        return refuse(args, error_code(e), getattr(e, 'text', str(e)), said=str(e))
    except OSError as e:
        return refuse(args, 'file', f'{e.filename}: {e.strerror}')
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return INTERRUPTED


def refuse(args: argparse.Namespace, code: str, message: str, said: str = '') -> int:
    """Say why there is no answer, as JSON too where that was asked for on standard output; return the exit status."""
    print(f'error: {said or message}', file=sys.stderr)
    if args.json is True:
        print(json.dumps({'error': {'code': code, 'message': message}}))
    return REFUSED


class Parser(argparse.ArgumentParser):
    """A parser that refuses words as everything else is refused: one line, status 2, and JSON where that was asked for."""

    def error(self, message: str) -> NoReturn:
        """Raise ConfigError with argparse's message and where to read on."""
        raise ConfigError(f'{self.prog}: {message} (see {self.prog} --help)')


def parser(words: Collection[str] = (*commands.GROUPS, *commands.ALONE)) -> argparse.ArgumentParser:
    """Return the command's parser, which raises ConfigError for words that it does not know.

    Groups that are not among ``words`` are named; their commands are not imported.
    """
    out: argparse.ArgumentParser = Parser(prog='arsurg', description='Surgical augmented reality on ROS 2.')
    out.add_argument('--version', action='version', version=f'arsurg_ros {__version__}')
    out.set_defaults(json=None)
    members = out.add_subparsers(required=True, metavar='COMMAND')
    demo = members.add_parser('demo', help=DEMO.description, description=DEMO.description)
    demo.add_argument(
        '--duration', type=float, default=20.0, metavar='S',
        help='seconds of the scene (default 20; all limits are only met from 19 on: registered at 12, board covered at 16)',
    )
    demo.set_defaults(run=run_demo)
    replay = members.add_parser('replay', help=REPLAY.description, description=REPLAY.description)
    replay.add_argument('bag', help=REPLAY.arguments[0].description)
    for argument in REPLAY.arguments[1:]:
        replay.add_argument(f'--{argument.name}', default=argument.default, help=argument.description)
    replay.set_defaults(run=run_replay)
    for command in (demo, replay):
        name = 'demo' if command is demo else 'replay'
        command.add_argument('--out', type=Path, default=Path('out') / name, help=f'output folder (default out/{name})')
        command.add_argument('--json', type=Path, metavar='FILE', help='write every printed figure as one JSON object')
        command.add_argument('--no-bag', action='store_true', help='write no MCAP bag')
        command.add_argument(
            '--shared-machine', action='store_true',
            help="limits of time (latency, rates, lost frames) are said and do not count: others' load is not this system's",
        )
    commands.add_all(members, words)
    members.add_parser('doctor', help='what was found, what is wrong, and the remedy')
    return out


def run_demo(args: argparse.Namespace) -> int:
    """Run the synthetic operating room."""
    if not 0 < args.duration < float('inf'):
        raise ConfigError(f'--duration {args.duration}: a positive number of seconds is needed')
    config = {'sim_time': False, 'duration_s': args.duration}
    status = run_system('demo', DEMO.build({}), config, load_profile(demo_profile()), args)
    if not args.no_bag:
        # The bag knows its own profile, so that it can be replayed as it is.
        shutil.copy(demo_profile().with_name('replay.yaml'), args.out / 'bag' / 'arsurg.yaml')
        print(f'replay it with: arsurg replay {args.out / "bag"}')
    return status


def run_replay(args: argparse.Namespace) -> int:
    """Replay a recording through the nodes."""
    from arsurg_ros.geometry.playback import bag_span

    output_folder(args.out, Path(args.bag))
    bag, values = Path(args.bag), {a.name: str(getattr(args, a.name)) for a in REPLAY.arguments}
    if values['loop'] == '0':
        raise ConfigError('--loop 0: a replay that is reported must end; use the launch file to play for ever')
    clock, *playing = REPLAY.build(values)
    specs = (with_monitor(clock), *playing)
    span = bag_span(str(bag))
    config = {
        'sim_time': True,
        'start_ns': span.start_ns,
        'duration_s': span.period_ns * int(values['loop']) / 1e9,
        'period_ns': span.period_ns,
    }
    return run_system('replay', specs, config, load_profile(replay_profile(bag, values['profile'])), args)


def output_folder(out: Path, source: Path | None = None) -> Path:
    """Return the folder to write to, made where it is missing; nothing that another program wrote is replaced in it.

    Raises ConfigError where its bag folder is the recording that is read, or not of an earlier run.
    """
    folder, bag = out.resolve(), out.resolve() / 'bag'
    if source is not None and bag in (source.resolve(), *source.resolve().parents):
        raise ConfigError(f'--out {out}: its bag folder is the recording to replay: choose another folder')
    if bag.exists() and not (folder / 'monitor.json').is_file():
        raise ConfigError(f'--out {out}: it has a folder bag that no earlier run of arsurg wrote: choose another folder')
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def with_monitor(clock: NodeSpec) -> NodeSpec:
    """Return the clock's description, waiting for the monitor as well: what it misses would seem lost."""
    waited = [*clock.parameters['wait_for'], 'monitor']  # type: ignore[misc]
    return replace(clock, parameters={**clock.parameters, 'wait_for': waited})


def run_system(
    name: str,
    specs: tuple[NodeSpec, ...],
    config: dict[str, Any],
    profile: Mapping[str, Any],
    args: argparse.Namespace,
) -> int:
    """Start nodes and monitor, show progress, judge and print the report."""
    began_s = time.time()
    out = output_folder(args.out)
    if args.json and args.json.is_dir():
        raise ConfigError(f'--json {args.json}: a folder; a file is needed')
    for old in ('overlay.mp4', 'contact_sheet.png', 'report.json'):
        (out / old).unlink(missing_ok=True)
    report_file = out / 'report.json'
    config |= {
        'system': name,
        'began_s': began_s,
        'out': str(out),
        'record': not args.no_bag,
        'report': str(report_file),
        'baseline_mm': profile.get('baseline_mm'),
        **watched(specs),
    }
    config_file = out / 'monitor.json'
    config_file.write_text(json.dumps(config), encoding='utf-8')
    remove_stale_segments()
    environment = run_environment()
    print(f'{name}: {", ".join(s.name for s in specs)} on ROS domain {environment["ROS_DOMAIN_ID"]}', flush=True)
    with SystemRunner(specs, environment, out / 'logs') as runner:
        command = [sys.executable, '-m', 'arsurg_ros.nodes.monitor', str(config_file)]
        monitor = runner.start('monitor', command, subprocess.PIPE)
        first_frame_s = follow(monitor, runner)
        peaks = runner.peaks_mib()
        if monitor.wait() != 0:
            said = runner.log_path('monitor').read_text(encoding='utf-8', errors='replace').strip().splitlines()
            raise ArsurgError(f'the monitor ended with status {monitor.returncode}: {said[-1] if said else "no word"}')
    found = json.loads(report_file.read_text(encoding='utf-8'))
    found['first_frame_s'] = first_frame_s
    found['peak_memory_mib'] = {**peaks, 'total': round(sum(peaks.values()), 1)}
    limits = {**unsaid_limits(specs), **(profile.get('limits') or {})}
    report.judge(found, limits, shared_machine=args.shared_machine)
    report.write_json(found, report_file)
    print(report.text(found))
    if args.json:
        report.write_json(found, args.json)
    for line in runner.complaints():
        print(f'  {line}')
    return 0 if found['ok'] else MISSED


def unsaid_limits(specs: tuple[NodeSpec, ...]) -> dict[str, dict[str, float]]:
    """Return what every run must show, whatever its profile says: a registration where one was asked for."""
    asked = any(spec.executable == 'registration' for spec in specs)
    return {'registration/fre_mm': {'min': 0.0}} if asked else {}


def run_environment() -> dict[str, str]:
    """Return the nodes' environment: the user's ROS domain, or else one of this run's own, on this host alone."""
    if os.environ.get(DOMAIN_VARIABLE):
        return ros_environment(os.environ)
    return ros_environment({**os.environ, DOMAIN_VARIABLE: str(free_domain_id())}, isolated=True)


def watched(specs: tuple[NodeSpec, ...]) -> dict[str, list[str]]:
    """Return the tools and instruments whose topics the monitor records, and the topics that it expects."""
    tools: list[str] = []
    instruments: list[str] = []
    expects: list[str] = []
    for spec in specs:
        for key in ('boards', 'topics'):
            if spec.executable == 'tracker' and spec.parameters.get(key):
                tools += [str(text).partition('=')[0] for text in spec.parameters[key]]  # type: ignore[union-attr]
        expects += EXPECTED.get(spec.executable, [])
        if spec.executable == 'instrument':
            instruments.append(str(spec.parameters.get('instrument', 'pointer')))
    return {'tools': [t for t in dict.fromkeys(tools) if t], 'instruments': instruments, 'expects': expects}


def follow(monitor: subprocess.Popen[bytes], runner: SystemRunner) -> float | None:
    """Show the monitor's progress until it closes; return when the first frame came, seconds from the start."""
    first_frame_s: float | None = None
    shown_at = 0.0
    assert monitor.stdout is not None
    for line in monitor.stdout:
        if not line.startswith(b'{'):
            continue  # Fast DDS writes its complaints to standard output
        event = json.loads(line)
        runner.check()
        runner.peaks_mib()
        if event['event'] == 'fault':
            raise ArsurgError(event['message'])
        if event['event'] == 'first_frame':
            first_frame_s = event['seconds']
            print(f'first overlay frame after {first_frame_s:.1f} s', flush=True)
        if event['event'] == 'closing':
            print('\nmeasuring and writing the files ...', flush=True)
        if event['event'] == 'progress':
            shown_at = show_progress(event, shown_at)
    return first_frame_s


def show_progress(event: Mapping[str, Any], shown_at: float) -> float:
    """Print where the run is: a bar on a terminal, a line every 2 s elsewhere; return when it was last shown."""
    total = event['total'] or 1.0
    done = min(max(event['seconds'] / total, 0.0), 1.0)
    bar = '#' * int(30 * done)
    seconds = min(max(event['seconds'], 0.0), total)
    text = f'[{bar:30}] {seconds:5.1f} of {total:.1f} s  {event["frames"]:5d} frames  {event["state"]:14}'
    if sys.stdout.isatty():
        print(f'\r{text}', end='', flush=True)
        return time.monotonic()
    if time.monotonic() - shown_at >= 2.0:
        print(text, flush=True)
        return time.monotonic()
    return shown_at


if __name__ == '__main__':
    raise SystemExit(main())
