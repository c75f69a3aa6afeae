# SPDX-FileCopyrightText: 2026 The arsurg_ros authors
# SPDX-License-Identifier: Apache-2.0
"""The services registration/*: one method each, and an answer that always says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from diagnostic_msgs.msg import DiagnosticStatus
from std_srvs.srv import Trigger

from arsurg_ros.errors import ArsurgError, RegistrationError
from arsurg_ros.nodes import msgs
from arsurg_ros.nodes.quality import preview_frame, result_values, summary
from arsurg_ros.registration.session import age_text

SERVICES = ('capture', 'compute', 'preview', 'accept', 'revert', 'clear', 'save', 'load', 'validate')


class SessionServices:
    """What the registration node answers; the node has the session, the topics and the watch."""

    def _answer(self, action: Callable[[], str]) -> Callable[[Any, Any], Any]:
        def answer(request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
            try:
                if not self.active:
                    raise ArsurgError('the registration node is not active')
                response.success, response.message = True, action()
            except ArsurgError as e:
                response.success, response.message = False, str(e)
            return response

        return answer

    def _capture_service(self) -> str:
        dwell = self._session.capture(self.now_ns())
        self._digitize(dwell)
        count = len(self._session.captured)
        if self._session.mode == 'dwell':
            self._try_dwells()
        return f'landmark {count} captured, spread {dwell.spread_m * 1e3:.2f} mm'

    def _compute_service(self) -> str:
        self._end_preview()  # what is computed now is another candidate
        result = self._session.compute(self.now_ns())
        if self._session.accepted is None:  # the latched quality is that of the registration in use
            self._publish_quality(DiagnosticStatus.OK, f'computed, FRE {result.fre_m * 1e3:.3f} mm, not accepted', result)
        return f'{summary(result)}; preview to look at it, accept to use it'

    def _preview_service(self) -> str:
        self._preview = result = self._session.candidate()
        self._candidate.publish(msgs.registration_msg(result))
        text = f'preview, not in use: {summary(result)}'
        self._tell(
            self._candidate_quality, 'arsurg: registration preview', DiagnosticStatus.OK, text,
            {**result_values(result), 'accepted': False, 'frame': preview_frame(self._ct)},
        )
        self._publish_tf(self.now_ns())
        return f'{text}; its frame is {preview_frame(self._ct)}'

    def _end_preview(self) -> None:
        """Withdraw what is looked at: it was accepted, or does not hold any more."""
        if self._preview is None:
            return
        self._preview = None
        self._candidate.publish(msgs.no_registration_msg(self.now_ns(), self._ref))
        self._tell(self._candidate_quality, 'arsurg: registration preview', DiagnosticStatus.OK, 'no preview', {})

    def _accept_service(self) -> str:
        self._accepted(self._session.accept(self.now_ns(), self._tool()))
        return f'accepted{self._log_head()}'

    def _revert_service(self) -> str:
        result = self._session.revert()
        age = age_text(self._session.age_ns)
        # Nobody has watched it since it was replaced, and there was a reason to replace it.
        doubt = f'reverted to one accepted {age} ago: validate it'
        self._use(result, f'reverted to the registration accepted {age} ago', doubt)
        return f'reverted to the registration accepted {age} ago, FRE {result.fre_m * 1e3:.3f} mm{self._log_head()}'

    def _clear_service(self) -> str:
        try:
            self._session.clear()
        except RegistrationError as e:
            raise RegistrationError(e.code, f'cleared, but not in the store: {e.text}') from e
        finally:
            self._end_preview()
            self._result.publish(msgs.no_registration_msg(self.now_ns(), self._ref))
            self._drift.end()
            self._publish_quality(DiagnosticStatus.WARN, 'cleared', None)
        return f'cleared{self._log_head()}'

    def _save_service(self) -> str:
        path = self._session_file()
        return f'saved {self._session.save(path)} to {path}'

    def _load_service(self) -> str:
        path = self._session_file()
        said = f'loaded {self._session.load(path, int(self._p["reload_max_age_s"] * 1e9))} from {path}'
        result = self._session.accepted
        if result is None:
            return said
        self._use(result, 'loaded', f'loaded from a file, accepted {age_text(self._session.age_ns)} ago: validate it')
        return f'{said}: validate it{self._log_head()}'

    def _session_file(self) -> Path:
        if not self._p['session_file']:
            raise RegistrationError('no_session_file', 'parameter session_file is empty: name the file')
        return Path(self._p['session_file']).expanduser()

    def _validate_service(self) -> str:
        p = self._p
        check = self._session.validate(self.now_ns(), radius_m=p['validation_radius_m'], limit_m=p['max_validation_m'])
        text = check.text()
        self._drift.checked(check)
        try:
            self._session.log_check(check)
            text += self._log_head()
        except RegistrationError as e:
            text += f'; not in the log: {e}'
        self._said = text
        self._publish_in_use()
        self.get_logger().info(f'validated: {text}')
        if not check.passed:
            raise RegistrationError('validation_failed', text)
        return text

    def _log_head(self) -> str:
        head = self._session.journal.head
        return f'; log {head}' if head else ''
