# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from arsurg_ros.errors import ConfigError, DataError
from arsurg_ros.geometry.bags import Topic, bag_span, choose_topic, read, recorded_ns, recording_topics

STORE = get_typestore(Stores.ROS2_JAZZY)
POINT = 'geometry_msgs/msg/PointStamped'
SECOND = 1_000_000_000


def write(path: Path, topics: dict[str, list[tuple[int, int]]], plugin: StoragePlugin = StoragePlugin.MCAP) -> Path:
    """Write a bag of points: per topic a list of (received, header stamp) in ns."""
    kinds = STORE.types
    with Writer(path, version=9, storage_plugin=plugin) as bag:
        links = {name: bag.add_connection(name, POINT, typestore=STORE) for name in topics}
        for received, header, name in sorted((r, h, n) for n, stamps in topics.items() for r, h in stamps):
            stamp = kinds['builtin_interfaces/msg/Time'](header // SECOND, header % SECOND)
            point = kinds['geometry_msgs/msg/Point'](1.0, 2.0, 3.0)
            message = kinds[POINT](kinds['std_msgs/msg/Header'](stamp, 'trk'), point)
            bag.write(links[name], received, STORE.serialize_cdr(message, POINT))
    return path


@pytest.fixture(params=[StoragePlugin.MCAP, StoragePlugin.SQLITE3], ids=['mcap', 'sqlite'])
def two_topics(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    fast = [(10 * SECOND + k * 10_000_000, 10 * SECOND + k * 10_000_000 - 1000) for k in range(10)]
    return write(tmp_path / 'bag', {'/fast': fast, '/slow': fast[::5]}, request.param)


def test_topics_are_listed_by_name(two_topics: Path) -> None:
    assert recording_topics(two_topics) == [Topic('/fast', POINT, 10), Topic('/slow', POINT, 2)]


def test_a_span_ends_one_interval_of_the_fastest_topic_after_the_last_message(two_topics: Path) -> None:
    span = bag_span(two_topics)
    assert (span.start_ns, span.first_stamp_ns) == (10 * SECOND, 10 * SECOND - 1000)
    assert span.period_ns == pytest.approx(100_000_000, abs=20)


def test_a_file_without_its_folder_reads_alike(two_topics: Path) -> None:
    file = next(p for p in two_topics.iterdir() if p.suffix in ('.mcap', '.db3'))
    if file.suffix == '.db3':
        pytest.skip('an SQLite file needs its metadata.yaml beside it')
    assert bag_span(file) == bag_span(two_topics)


def test_messages_come_in_order_and_at_capture_time(two_topics: Path) -> None:
    stamps = [r.recorded_ns for r in read(two_topics, ['/fast'])]
    assert stamps == [10 * SECOND - 1000 + k * 10_000_000 for k in range(10)]
    assert next(read(two_topics, ['/slow'])).item.message.point.y == 2.0
    assert list(read(two_topics, ['/none'])) == []


@pytest.mark.parametrize(
    ('header', 'first_header', 'expected'),
    [(0, 0, 500), (480, 480, 480), (5, 5, 500 * SECOND)],
    ids=['no stamp', 'one clock', 'another clock'],
)
def test_capture_time_is_used_where_it_is_usable(header: int, first_header: int, expected: int) -> None:
    received = 500 if expected < SECOND else 500 * SECOND
    assert recorded_ns(header, received, first_header, received) == expected


def test_another_clock_keeps_its_own_intervals() -> None:
    assert recorded_ns(5 + 77, 500 * SECOND + 99, 5, 500 * SECOND) == 500 * SECOND + 77


def test_the_only_fitting_topic_needs_no_name(tmp_path: Path) -> None:
    one = write(tmp_path / 'one', {'/a': [(1, 1)]})
    assert choose_topic(one, '', (POINT,), 'image_topic').name == '/a'


@pytest.mark.parametrize(
    ('wanted', 'types', 'message'),
    [
        ('', (POINT,), r'image_topic: .* has 2 topics of type .*: /fast, /slow; name one'),
        ('', ('x/msg/Y',), r'has no topic of type x/msg/Y; there are: .*/fast \('),
        ('/nope', (POINT,), r"image_topic '/nope': not in .*: /fast, /slow"),
        ('/fast', ('x/msg/Y',), r"image_topic '/fast': is a geometry_msgs/msg/PointStamped, needed is x/msg/Y"),
    ],
)
def test_a_wrong_topic_lists_the_right_ones(two_topics: Path, wanted: str, types: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        choose_topic(two_topics, wanted, types, 'image_topic')


@pytest.mark.parametrize('keep', [0, 4, 40, 400], ids=lambda n: f'{n} bytes')
def test_a_cut_file_is_one_line(tmp_path: Path, keep: int) -> None:
    whole = next(write(tmp_path / 'bag', {'/a': [(k, k) for k in range(1, 50)]}).glob('*.mcap'))
    cut = tmp_path / 'cut.mcap'
    cut.write_bytes(whole.read_bytes()[:keep])
    with pytest.raises(DataError, match=r'cut\.mcap: corrupt or cut short: ') as caught:
        list(read(cut, ['/a']))
    assert '\n' not in str(caught.value)


def test_garbage_inside_a_file_is_one_line(tmp_path: Path) -> None:
    folder = write(tmp_path / 'bag', {'/a': [(k, k) for k in range(1, 500)]})
    file = next(folder.glob('*.mcap'))
    data = bytearray(file.read_bytes())
    data[600:20_000] = b'\xff' * 19_400
    file.write_bytes(data)
    with pytest.raises(DataError) as caught:
        list(read(folder, ['/a']))
    assert '\n' not in str(caught.value) and 'recording' in str(caught.value)


@pytest.mark.parametrize('name', ['', 'nothing_here', 'a_text.txt', 'a_folder'])
def test_what_is_no_recording_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / 'a_text.txt').write_text('hello')
    (tmp_path / 'a_folder').mkdir()
    with pytest.raises(DataError, match='recording'):
        recording_topics(tmp_path / name if name else '')


def test_an_empty_recording_has_no_span(tmp_path: Path) -> None:
    with pytest.raises(DataError, match='holds no message'):
        bag_span(write(tmp_path / 'bag', {'/a': []}))
