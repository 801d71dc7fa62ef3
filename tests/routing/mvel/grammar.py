"""Texts that are nearly rules: built from what rules are made of, with a little nonsense in between."""

from hypothesis import strategies as st

from warren.routing.mvel.offered.statics import NEW, STATICS
from warren.routing.mvel.offered.tables import BY_TYPE

METHODS = sorted({name for methods in BY_TYPE.values() for name in methods})
NUMBERS = ["0", "1", "2", "7", "-3", "1.5", "10L", "0x1F", "9223372036854775807L", "1e300", "100000"]
TEXTS = ['"a"', '"a,b"', '""', "'x'", '"5"', '"X-Trino-Source"', r'"\u0041\n"', '"[a-z]+"', '"("', '"$1"', '"true"']
WORDS = ["true", "false", "null", "empty", "request", "state", "result", "trinoQueryProperties", "trinoRequestUser"]
VARIABLES = ["x", "y", "z"]
OPERATORS = [
    "==", "!=", "<", "<=", ">", ">=", "+", "-", "*", "/", "%", "&&", "||", "contains", "in", "~=", "or", "?:", "and", "=",
]  # fmt: skip
CLASSES = sorted({*STATICS, *NEW})

names = st.sampled_from([*METHODS, "nobody", "key", "value", "size", "length", "name"])
leaves = st.sampled_from(NUMBERS + TEXTS + WORDS + VARIABLES + ["[:]", "[]", "{}", '["a": 1]', "[1, 2]"])
EXACT = [
    (which, name) for which, static in sorted(STATICS.items()) for name in sorted({*static.methods, *static.constants})
]


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    few = st.lists(inner, max_size=3).map(", ".join)
    called = st.builds("{}.{}({})".format, inner, names, few)
    return st.one_of(
        called,
        called,
        st.builds("{}.{}".format, inner, names),
        st.builds("{}.?{}({})".format, inner, names, few),
        st.builds("({} {} {})".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{} {} {}".format, inner, st.sampled_from(OPERATORS), inner),
        st.builds("{} is {}".format, inner, st.sampled_from(CLASSES)),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
        st.builds("{}{}".format, st.sampled_from(["!", "-"]), inner),
        st.builds("{}[{}]".format, inner, inner),
        st.builds("[{}]".format, few),
        st.builds("[{}: {}]".format, inner, inner),
        st.builds("new {}({})".format, st.sampled_from(CLASSES), few),
        st.builds(lambda static, given: f"{static[0]}.{static[1]}({given})", st.sampled_from(EXACT), few),
    )


expressions = st.recursive(leaves, grown, max_leaves=12)
simple = st.one_of(
    expressions,
    st.builds("{} {} {}".format, st.sampled_from(VARIABLES), st.sampled_from(["=", "+=", "*="]), expressions),
    st.builds("{}.{} = {}".format, st.sampled_from([*VARIABLES, "state"]), names, expressions),
    st.builds("{}[{}] = {}".format, st.sampled_from([*VARIABLES, "state"]), expressions, expressions),
    st.builds("return {}".format, expressions),
)


def nested(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    body = st.lists(inner, max_size=3).map("; ".join)
    loop = st.builds(
        "foreach ({} : {}) {{ {} }}".format,
        st.sampled_from(VARIABLES),
        st.one_of(expressions, st.just("[1, 2, 3]"), st.just('"abcdefghij".toCharArray()')),
        body,
    )
    return st.one_of(
        loop,
        loop,
        st.builds("if ({}) {{ {} }} else {{ {} }}".format, expressions, body, body),
        st.builds("if ({}) {}".format, expressions, inner),
    )


START = 'x = [1, "a"]; y = new StringBuilder("ab"); z = ["k": [1]]; '
actions = st.lists(st.recursive(simple, nested, max_leaves=6), max_size=4).map(lambda made: START + "; ".join(made))
SIGNS = "()[]{}.,:;?!\"'\\/*#@<>&|^~$\n "
PIECES = [".?", "if", "else", "foreach", "for", "return", "new", "java.util.", "while", "//", "/*", "*/", "\\u00", "é"]
fragments = st.sampled_from([*WORDS, *VARIABLES, *OPERATORS, *NUMBERS, *TEXTS, *CLASSES, *METHODS, *SIGNS, *PIECES])
jumbles = st.lists(fragments, max_size=30).map(" ".join) | st.lists(fragments, max_size=30).map("".join)
