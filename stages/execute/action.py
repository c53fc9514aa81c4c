"""The action of a step: everything that can change its bytes. Its digest is the step's key.

Shaped like the Remote Execution API's Action. Names of recipes and variants, comments, key order and paths of this
machine are not in it; changing the shape means changing FORMAT, which rebuilds everything.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stages.contract.port import contract_json
from stages.plan.step import Step

FORMAT = 3
SALT = ''
"""Change it to disown every result made so far."""

START = ('stages.launch.server', 'stages.execute.preload')
"""The modules that start a step, whatever its kind; with all that they import they are code of every step."""


def action_of(
    step: Step,
    *,
    code: str,
    inputs: Mapping[str, str],
    files: Mapping[str, str],
    tools: Mapping[str, str],
    platform: Mapping[str, str],
    settings: Mapping[str, str],
    environment: str = '',
) -> dict[str, Any]:
    """Return the action. ``inputs`` are result digests by role, ``files`` content digests by path below recipes/.

    ``settings`` is what is set in the step's surroundings; ``environment`` is the digest of the lock file of the
    environment it runs in, empty for the user's own. How long it may take is no part of it: a limit decides whether
    there is a result, never which.
    """
    action = {
        'format': FORMAT,
        'salt': SALT,
        'kind': step.kind,
        'params': dict(step.params),
        'declared': contract_json(step.declared) if step.declared else None,
        'outputs': list(step.outputs),
        'code': code,
        'inputs': dict(inputs),
        'files': dict(files),
        'tools': dict(tools),
        'platform': dict(platform),
        'settings': dict(settings),
    }
    return action | ({'environment': environment} if environment else {})
