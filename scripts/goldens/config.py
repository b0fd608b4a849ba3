"""Writes what hydra-core 1.3.8 and OmegaConf say, for test/unit/config-goldens.test.ts.

    pip install hydra-core==1.3.8
    python scripts/goldens/config.py
"""

import json
import math
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import QuotedString
from omegaconf import OmegaConf

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "test" / "fixtures" / "hydra"


def plain(value):
    """JSON that keeps floats apart from integers."""
    if isinstance(value, QuotedString):
        return value.text
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            return {"float": str(value)}
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {"map": [[str(k), plain(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


COMPOSITIONS = [
    [],
    ["db=postgres"],
    ["experiment=fast"],
    ["experiment=fast", "db=mysql"],
    ["experiment=plain"],
    ["server=nginx"],
    ["server/ssl=no"],
    ["~db", "url=x", "everything=1"],
    ["~db=mysql", "url=x", "everything=1"],
    ["~db=postgres"],
    ["+extra=more"],
    ["extra=more"],
    ["extra=absent"],
    ["db=absent"],
    ["db={host: h}"],
    ["db.options={pool: 1}"],
    ["db.options={other: 1}"],
    ["+db.options={other: 1}"],
    ["++db.options={other: 1, pool: 2}"],
    ["db.tags=[x,y]"],
    ["+db.tags=[x]"],
    ["db.tags.0=first"],
    ["db.tags.1=second"],
    ["port=1e3"],
    ["port=null"],
    ["port=yes"],
    ["port=True"],
    ["port='80'"],
    ["name="],
    ["+new=1"],
    ["+new.deep.er=1"],
    ["+port=1"],
    ["++port=1"],
    ["++new.deep=x"],
    ["new=1"],
    ["db.new=1"],
    ["port.new=1"],
    ["+port.new=1", "url=x"],
    ["~port", "url=x", "same_port=1"],
    ["~port=80", "url=x", "same_port=1"],
    ["~port=81"],
    ["~absent"],
    ["~nested.a.b", "nested.a.c=1"],
    ["name=${db.host}-x"],
    ["name=${absent}"],
    ["name=${url}"],
    ["list=[]"],
    ["list=[a,b,[1,2.5],{k: v}]"],
    ["name=???"],
    ["port=5", "port=6"],
    ["rate=${oc.decode:'1e-5'}"],
    ["rate=${oc.select:absent,7}"],
    ["db=postgres", "db=mysql"],
    ["db=[base,mysql]"],
    ["experiment=[fast,plain]"],
    ["db.host@x=1"],
    ["++db=postgres"],
    ["db=1"],
    ["a=1,2"],
    ["port=a,b"],
]

OVERRIDES = [
    "a=1", "a=-1", "a=+1", "a=1_000", "a=012", "a=0", "a=00", "a=1.", "a=.5", "a=1.5e3", "a=1e-5", "a=1E5", "a=1.e2", "a=-.5e-1",
    "a=1_0.2_5", "a=1__0", "a=inf", "a=-Inf", "a=nan", "a=NaN", "a=infinite", "a=true", "a=TRUE", "a=truely", "a=yes", "a=null",
    "a=Null", "a=nullable", "a=~", "a=", "a= 1", "a=1 ", "a= b c ", "a=b  c", "a='b c'", 'a="b c"', "a=''", "a='1'", "a='it\\'s'",
    "a='x\\\\'", "a='x\\\\\\'y'", "a='x\\ny'", "a='x\\\\ny'", 'a="it\'s"', "a='a'b", "a='a' ", "a=b\\,c", "a=b\\ c", "a=\\[x\\]",
    "a=b\\\\c", "a=b\\c", "a=b\\=c", "a=b=c", "a=b:c", "a=http://x.y/z?q", "a=x@y.z", "a=50%", "a=$x", "a=a|b", "a=*.wav",
    "a=${b}", "a=${b.c}/x", "a=x${b}y", "a=${oc.env:HOME,x}", "a=[]", "a=[ ]", "a=[1,2]", "a=[1, 2 ,3 ]", "a=[a b,c]", "a=[1,",
    "a=[1,]", "a=[[1],[2,[3]]]", "a=['x,y',z]", "a={}", "a={b:1}", "a={b: 1, c: [x, {d: e}]}", "a={b:1", "a={b}", "a={b c: d}",
    "a={1: 2}", "a={'b': 1}", "a={b: c:d}", "a=1,2", "a=x#y", "a=x!y", "a=x;y", "a=é", "a=(x)", "a=x(", "a=choice", "a.b.c=1",
    "a.0.b=1", "$a=1", "a-b=1", "a/b=c", "a/b@c=d", "a@b.c=d", "a@=d", "+a=1", "++a=1", "+ a=1", "~a", "~a=1", "~a=", "a", "=1",
    "1=2", "a b=1", "a =1", "a..b=1", ".a=1", "a.=1", "a/=b", "+++a=1", "-a=1", "a=\t1", "a='${b}'", "a=-", "a=--x", "a=.", "a=..",
    "a=1 2", "a=1.2.3", "a=2024-01-02", "a=1:20", "a=a:1", "a=[a:1]", "a=+", "a=1e", "a=e1", "a=_x", "a=x_", "a=é'x'", "a='é'",
    "a=x\\", "a='x", "a=\"x'", "a=''''", "a='a''b'", "a={a:1,a:2}", "a=[null,true,1.0,'']",
]  # fmt: skip

SCALARS = [
    "1", "-1", "+1", "1_000", "012", "0o12", "0b11", "0x1F", "08", "1:20", "1:20.5", "1.0", "1.", ".5", "-.5", "1e5", "1e-5",
    "1E+5", "1.5e3", "1.5e+3", ".5e3", ".5e+3", "1_0.5", "1__0", ".inf", "-.inf", "+.INF", ".nan", ".NaN", "nan", "inf", "yes",
    "Yes", "YES", "yEs", "no", "on", "OFF", "y", "n", "Y", "N", "true", "True", "tRue", "null", "Null", "NULL", "nULL", "~", "",
    "2024-01-02", "2024-01-02 03:04:05", "a b", "1 2", "- x", "e5", "1e", "0", "00", "0_7", "0.0", "-0", "-0.0", "_1",
    "1_", "1_.5", "0x", "0b", "+", "-", ".", "..", "...x", "12e03", "1e+16", "123456789012345680", "::", "1:60", "190:20:30",
    "685230.15", "6.8523015e+5", "685.230_15e+03", "._5", "1.5e", "'1'", '"yes"', "!!str 1", "!!float 1.0", "!!int '1'",
]  # fmt: skip

DUMPS = [
    {"a": 1, "b": 1.0, "c": 1e-5, "d": 1e16, "e": 123456.789, "f": float("inf"), "g": float("-inf"), "h": True, "i": None, "j": 0.1},
    {"a": [], "b": {}, "c": [1, [2, [3]], {"x": 1, "y": [4]}], "d": {"e": {"f": [{"g": 1}]}}},
    {"s": ["1", "1.0", "1e5", "yes", "No", "null", "~", "", "true", "a", "a b", "a: b", "a:b", "a #b", "a#b", "#a", "- a", "-a", "-"]},
    {"s": ["'q'", '"q"', "it's", "tab\tx", "é", "日本", " lead", "trail ", "[x]", "{x}", "&x", "*x", "!x", "%x", "@x", "`x", "|", ">"]},
    {"s": ["${a.b}", "\\${a}", "x,y", "?", "? x", "?x", ":", "x:", "=", "<<", "2024-01-02", "1:20", "0x1f", "0b1", "010", "1_000", ".5", "."]},
    {"s": ["nan", "inf", "infinity", "-inf", "NaN", "y", "n", "on", "OFF", "---", "...", "--- x", "a\\b", "C:\\x", "🐦", "x" * 60]},
    {"yes": 1, "1": 2, "a b": 3, "null": 4},
]  # fmt: skip

# OmegaConf folds these; ours need only read back.
READABLE = [{"s": ["a\nb", "a\n", "\n", "x y" * 100, "a\r\nb", "\u2028", "\u0007", "\u0085", "\ufeff", "\u007f"]}]


def attempt(make):
    try:
        return {"value": plain(make())}
    except Exception as error:  # every refusal counts, whatever its class
        return {"error": type(error).__name__}


def composition(overrides):
    return OmegaConf.to_container(compose("config", overrides=overrides), resolve=True, throw_on_missing=False)


def parse(text):
    override = OverridesParser.create().parse_override(text)
    if override.is_sweep_override():
        raise ValueError("sweep")
    return [override.type.name, override.key_or_group, override.package, override._value]


def write(name, rows):
    (FIXTURES / name).write_text("[\n" + ",\n".join(json.dumps(row, ensure_ascii=True) for row in rows) + "\n]\n")


if __name__ == "__main__":
    with initialize_config_dir(version_base="1.3", config_dir=str(FIXTURES / "configs")):
        write("compositions.json", [[o, attempt(lambda o=o: composition(o))] for o in COMPOSITIONS])
    with initialize_config_dir(version_base="1.3", config_dir=str(ROOT / "configs")):
        built_in = [[], ["experiment=reference"], ["experiment=smoke", "model=reference"], ["augment=none", "scheduler=step"]]
        write("built-in.json", [[o, attempt(lambda o=o: composition(o))] for o in built_in])
    write("overrides.json", [[o, attempt(lambda o=o: parse(o))] for o in OVERRIDES])
    write("scalars.json", [[s, attempt(lambda s=s: OmegaConf.to_container(OmegaConf.create(f"k: {s}\n"))["k"])] for s in SCALARS])
    write("dumps.json", [[plain(d), OmegaConf.to_yaml(OmegaConf.create(d))] for d in DUMPS] + [[plain(d), None] for d in READABLE])
