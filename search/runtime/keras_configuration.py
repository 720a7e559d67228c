"""Keras's configuration: what `clear_session` drops, what is another one in each thread."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Keras 3.15 keeps these in a state of each thread that `clear_session` replaces.
_ATTRIBUTES = (
    *("dtype_policy", "traceback_filtering", "flash_attention", "safe_mode_saving"),
    *("distribution", "interactive_logging", "use_legacy_config"),
)
_PER_PROCESS = {
    "floatx": "set_floatx",
    "epsilon": "set_epsilon",
    "image_data_format": "set_image_data_format",
    "max_epochs": "set_max_epochs",
    "max_steps_per_epoch": "set_max_steps_per_epoch",
}


def session() -> Any:
    """Return the state of all threads that `clear_session` replaces; None without Keras."""
    if "keras" not in sys.modules:
        return None
    from keras.src.backend.common import global_state

    return global_state.GLOBAL_STATE_TRACKER, global_state.GLOBAL_SETTINGS_TRACKER


def set_session(state: Any) -> None:
    """Restore the session that `session` returned."""
    from keras.src.backend.common import global_state

    if state is not None:
        global_state.GLOBAL_STATE_TRACKER, global_state.GLOBAL_SETTINGS_TRACKER = state


@dataclass(frozen=True, slots=True)
class KerasConfiguration:
    """What `keras.config` and its neighbours are set to, and TensorFlow's own options."""

    values: tuple[tuple[str, Any], ...]

    @classmethod
    def noted(cls) -> "KerasConfiguration | None":
        """Return the configuration of this thread; None where Keras is not imported yet."""
        if "keras" not in sys.modules:
            return None
        import keras
        from keras.src.backend.common import global_state

        values = {name: global_state.get_global_attribute(name) for name in _ATTRIBUTES}
        # reading the configuration may write its default
        usual = {"dtype_policy": keras.DTypePolicy(keras.config.floatx()), **_USUAL}
        values = {n: None if v == usual.get(n) else v for n, v in values.items()}
        values |= {name: getattr(keras.config, name)() for name in _PER_PROCESS}
        values |= {name: read() for name, (read, _) in _tensorflow().items()}
        return cls(tuple(values.items()))

    def apply(self) -> None:
        """Set all of it, in this thread and process."""
        import keras
        from keras.src.backend.common import global_state

        for name, value in self.values:
            if name in _ATTRIBUTES:
                global_state.set_global_attribute(name, value)
            elif name not in _PER_PROCESS:
                read, write = _tensorflow()[name]
                if read() != value:
                    write(value)
            elif getattr(keras.config, name)() != value:
                getattr(keras.config, _PER_PROCESS[name])(value)

    def differences(self, other: "KerasConfiguration") -> list[str]:
        """Return the names of what differs."""
        both = zip(self.values, other.values, strict=True)
        return [name.replace("_", " ") for (name, mine), (_, its) in both if mine != its]

    def portable(self) -> "KerasConfiguration":
        """Return what another process can have too: a distribution names devices of this one."""
        return KerasConfiguration(
            tuple((n, None if n == "distribution" else v) for n, v in self.values)
        )

    def described(self) -> str:
        """Return what is not as Keras has it by default, as a text; empty where nothing is."""
        import keras

        found = []
        for name, value in self.values:
            if name == "dtype_policy" and value is not None:
                value = keras.dtype_policies.serialize(value)
            if value != _DEFAULTS.get(name):
                found.append(f"{name}={value!r}")
        return " ".join(found)


_USUAL = {"traceback_filtering": True, "safe_mode_saving": True, "interactive_logging": True}
_DEFAULTS: dict[str, Any] = {
    "floatx": "float32",
    "epsilon": 1e-7,
    "image_data_format": "channels_last",
    "run_functions_eagerly": False,
    "jit": "",
    "tensor_float_32": True,
}


def _tensorflow() -> dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]]:
    import tensorflow as tf

    return {
        "run_functions_eagerly": (
            tf.config.functions_run_eagerly,
            tf.config.run_functions_eagerly,
        ),
        "jit": (tf.config.optimizer.get_jit, tf.config.optimizer.set_jit),
        "tensor_float_32": (
            tf.config.experimental.tensor_float_32_execution_enabled,
            tf.config.experimental.enable_tensor_float_32_execution,
        ),
    }
