"""What holds for any text that a command line may give."""

from collections.abc import Callable

from mnist_lr_helpers.course.usage import UsageError, convert

from hypothesis import example, given
from hypothesis import strategies as st


def outcome(call: Callable[[], object], refusal: type[Exception]) -> tuple[object, str | None]:
    """What a call returns, or None and what it says when it refuses."""
    try:
        return call(), None
    except refusal as error:
        return None, str(error)


literals = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.none())


@given(literals | st.tuples(literals, literals))
def test_a_parameter_is_read_as_python_writes_it(value: object) -> None:
    default = 1 if value is None else value
    converted = convert("X", repr(value), default)
    assert converted == value
    assert type(converted) is type(value)


@given(st.text(max_size=40) | st.text("()[]{}:,0123456789e.-+'\"_", max_size=40), literals | st.text())
@example("{[]: 1}", 1)
@example("9" * 400, 0.5)
@example("9" * 5000, 1)
@example("(" * 300, 1)
@example("-" * 5000 + "1", 1)
@example("\0", 1)
def test_any_text_is_a_value_of_the_right_type_or_refused_by_name(text: str, default: object) -> None:
    value, message = outcome(lambda: convert("SOME_NAME", text, default), UsageError)
    if message is None:
        assert default is None or value is None or type(value) is type(default)
    else:
        assert message.startswith("SOME_NAME takes a value of type")
