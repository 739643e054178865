"""Probes: pydantic, attrs and msgspec classes; each library may be absent."""

from importlib.util import find_spec
from typing import Annotated

from tests.probes._row import one, row, see

__all__ = ["ROWS"]


def _pydantic() -> list:
    import pydantic
    from pydantic import Field

    class Address(pydantic.BaseModel):
        street: str = Field(description="Street and number.")
        zip: str = "0000"

    class User(pydantic.BaseModel):
        name: str
        age: int = Field(ge=0, description="Years.")
        address: Address | None = None

    class Aliased(pydantic.BaseModel):
        full_name: str = Field(alias="fullName")

    class Even(pydantic.BaseModel):
        n: int

        @pydantic.field_validator("n")
        @classmethod
        def even(cls, n: int) -> int:
            if n % 2:
                raise ValueError("odd")
            return n

    @pydantic.dataclasses.dataclass
    class Spot:
        x: Annotated[int, Field(ge=0)]

    def field_default(x: int = Field(5, ge=1, le=9, description="A digit.")) -> str:
        """Probe."""
        return see(x)

    def field_required(x: int = Field(..., ge=1)) -> str:
        """Probe."""
        return see(x)

    def field_factory(x: list[int] = Field(default_factory=lambda: [1, 2])) -> str:
        """Probe."""
        return see(x)

    return [
        one(
            "pydantic model",
            "record",
            User,
            [
                ({"name": "A", "age": 3}, User(name="A", age=3)),
                (
                    {"name": "A", "age": 3, "address": {"street": "s"}},
                    User(name="A", age=3, address=Address(street="s")),
                ),
            ],
            [{"name": "A"}, {"name": "A", "age": -1}, {"name": "A", "age": "x"}, 5, {"age": 3}],
            says={"x.age": "Years.", "x.address.street": "Street and number."},
            defaults={"x.address.zip": "0000"},
        ),
        one(
            "pydantic alias",
            "record",
            Aliased,
            [({"fullName": "A"}, Aliased(fullName="A"))],
            [{"full": "A"}, {}, {"fullName": 5}],
        ),
        one(
            "list[pydantic model]",
            "record",
            list[Address],
            [([{"street": "s"}], [Address(street="s")])],
            [[{}], [{"street": 5}], {"street": "s"}],
        ),
        one(
            "pydantic validator",
            "record",
            Even,
            [({"n": 2}, Even(n=2))],
            [{"n": "x"}, {}],
            wrong=[{"n": 3}],
            table=False,
        ),
        one(
            "pydantic dataclass",
            "record",
            Spot,
            [({"x": 1}, Spot(x=1))],
            [{"x": -1}, {}, {"x": "q"}],
            table=False,
        ),
        one(
            "Annotated[int, Field]",
            "annotated",
            Annotated[int, Field(ge=1, lt=10, description="A digit.")],
            [(1, 1), (9, 9)],
            [0, 10, "x", None],
            says="A digit.",
        ),
        row(
            "x: int = Field(...)",
            "annotated",
            field_default,
            runs=[({"x": 3}, (3,)), ({}, (5,))],
            bad=[{"x": 0}, {"x": 10}, {"x": "a"}],
            optional=("x",),
            says={"x": "A digit."},
            defaults={"x": 5},
        ),
        row(
            "x: int = Field(..., ge=1) is required",
            "annotated",
            field_required,
            runs=[({"x": 3}, (3,))],
            bad=[{"x": 0}, {}],
            optional=(),
            table=False,
        ),
        row(
            "x: list = Field(default_factory=)",
            "annotated",
            field_factory,
            runs=[({"x": [3]}, ([3],)), ({}, ([1, 2],))],
            bad=[{"x": ["a"]}],
            optional=("x",),
            table=False,
        ),
    ]


def _attrs() -> list:
    import attrs

    @attrs.define
    class Wheel:
        size: int = attrs.field()

    @attrs.define
    class Bike:
        name: str
        wheels: list[Wheel] = attrs.Factory(list)
        _gears: int = attrs.field(default=1)

    @attrs.frozen(kw_only=True)
    class Lamp:
        watts: int = attrs.field(validator=attrs.validators.ge(1))

    return [
        one(
            "attrs class",
            "record",
            Bike,
            [
                ({"name": "b"}, Bike("b")),
                ({"name": "b", "wheels": [{"size": 2}], "gears": 3}, Bike("b", [Wheel(2)], 3)),
            ],
            [{}, {"name": 5}, {"name": "b", "wheels": [{"size": "x"}]}, {"name": "b", "q": 1}, 5],
            hard=True,
        ),
        one(
            "attrs validator, keyword-only",
            "record",
            Lamp,
            [({"watts": 5}, Lamp(watts=5))],
            [{}, {"watts": "x"}],
            wrong=[{"watts": 0}],
            table=False,
        ),
    ]


def _msgspec() -> list:
    import msgspec

    class Wheel(msgspec.Struct):
        size: Annotated[int, msgspec.Meta(ge=1)]

    class Bike(msgspec.Struct, frozen=True):
        name: str
        wheels: list = msgspec.field(default_factory=list)

    class Renamed(msgspec.Struct, rename="camel"):
        full_name: str

    class Cart(msgspec.Struct, kw_only=True):
        count: int = 0

    return [
        one(
            "msgspec Struct",
            "record",
            Bike,
            [({"name": "b"}, Bike("b")), ({"name": "b", "wheels": [1]}, Bike("b", [1]))],
            [{}, {"name": 5}, {"name": "b", "wheels": 5}, 5],
            hard=True,
        ),
        one(
            "msgspec rename",
            "record",
            Renamed,
            [({"fullName": "A"}, Renamed("A"))],
            [{}, {"fullName": 5}],
            table=False,
        ),
        one(
            "msgspec Meta",
            "record",
            Wheel,
            [({"size": 1}, Wheel(1))],
            [{"size": 0}, {"size": "x"}],
            table=False,
        ),
        one(
            "msgspec kw_only",
            "record",
            Cart,
            [({}, Cart()), ({"count": 2}, Cart(count=2))],
            [{"count": "x"}],
            table=False,
        ),
    ]


ROWS = [
    row
    for library, rows in (("pydantic", _pydantic), ("attrs", _attrs), ("msgspec", _msgspec))
    if find_spec(library)
    for row in rows()
]
