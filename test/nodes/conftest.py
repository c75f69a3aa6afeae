# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""A ROS graph for one test: the nodes under test and a probe, in this process, over real DDS, on a domain of their own."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rclpy
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from arsurg_ros.environment import reserved_domain, ros_environment
from arsurg_ros.nodes import qos

WAIT_S = 15.0


class Graph:
    """Starts nodes, keeps what topics say, calls services; everything is driven by ``until``."""

    def __init__(self) -> None:
        self.executor = SingleThreadedExecutor()
        self.probe = Node('probe')
        self.executor.add_node(self.probe)
        self.heard: dict[str, list[Any]] = defaultdict(list)
        self._nodes: list[Any] = []
        self._publishers: dict[str, Any] = {}

    def start(self, make: Callable[..., Any], autostart: bool = True, **parameters: Any) -> Any:
        values = {'autostart': autostart, **parameters}
        node = make(parameter_overrides=[Parameter(k, value=v) for k, v in values.items()])
        self.executor.add_node(node)
        self._nodes.append(node)
        node.autostart()
        return node

    def listen(self, kind: type, topic: str, profile: Any = qos.STREAM) -> list[Any]:
        self.probe.create_subscription(kind, topic, self.heard[topic].append, profile)
        return self.heard[topic]

    def publisher(self, kind: type, topic: str, profile: Any = qos.STREAM) -> Any:
        """Return a publisher that somebody hears."""
        if topic not in self._publishers:
            self._publishers[topic] = self.probe.create_publisher(kind, topic, profile)
        publisher = self._publishers[topic]
        assert self.until(lambda: publisher.get_subscription_count() > 0), f'nobody listens to {topic}'
        return publisher

    def call(self, kind: type, service: str, request: Any) -> Any:
        client = self.probe.create_client(kind, service)
        assert self.until(client.service_is_ready), f'no service {service}'
        future = client.call_async(request)
        assert self.until(future.done), f'no answer from {service}'
        return future.result()

    def until(self, holds: Callable[[], Any], wait_s: float = WAIT_S) -> bool:
        deadline = time.monotonic() + wait_s
        while not holds():
            if time.monotonic() > deadline:
                return False
            self.executor.spin_once(timeout_sec=0.02)
        return True

    def during(self, seconds: float) -> None:
        """Let everything run for a time: to see that something does not happen."""
        self.until(lambda: False, seconds)

    def stop(self, node: Any) -> None:
        self._nodes.remove(node)
        self.executor.remove_node(node)
        node.release()
        node.destroy_node()

    def close(self) -> None:
        for node in list(self._nodes):
            self.stop(node)
        self.probe.destroy_node()
        self.executor.shutdown()


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Iterator[Graph]:
    with reserved_domain() as domain_id:
        for name, value in ros_environment(os.environ, isolated=True).items():
            monkeypatch.setenv(name, value)
        rclpy.init(args=[], domain_id=domain_id)
        graph = Graph()
        try:
            yield graph
        finally:
            graph.close()
            rclpy.shutdown()
