"""Hashes of migrated rows stay what finished runs have recorded."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from unittest.mock import AsyncMock, Mock

import pyarrow as pa
import pytest

from aimo.legacy import mappers
from aimo.legacy.hashing import hash_row
from aimo.legacy.mappers.mapper import Mapper
from aimo.legacy.mappers.tags_and_categories import CategoryMapper, TagMapper
from aimo.legacy.mappers.users import UserMapper
from aimo.legacy.source.column_values import Kind
from aimo.legacy.source.row_reader import LATER, RowReader

# What the release that brought a mapper recorded for a row of these columns, each holding its name and "-value": of the
# target, and of the source. A change here makes every finished migration report all its rows as changed: start a
# version instead.
RECORDED = {
    "AttachmentMapper": ("becaeeb6243e4029421178a6254fc864", "2470ac946d40734bf79f214374774e45"),
    "CardMapper": ("95a283b4579f971dcf64acf97dce9576", "543e91bc00656522e341044f7d6e4987"),
    "CategoryMapper": ("2993617cd9ea371f80e05ab392ece238", "dd30a8f9542454a674a413fe85da0de3"),
    "ConversationMapper": ("d82ac84b7ef69eb624f0f052f28cf746", "2c2facebfee7ebc23e2bed5c091792e9"),
    "FeatureConfigMapper": ("a5a245eae78d819c281ca02a0d246488", "a70ab1ed8bbb8be1e52e9f3218d6c259"),
    "MemoMapper": ("31602710c3dee35d6a417a728baf632f", "7dc7083af1a8aa8dd9cc7ee1521f2dfe"),
    "MessageMapper": ("8c9193d0875db20d5d928c0927505d4a", "c03c5fb9a89d95fcfb80207ce96430c4"),
    "NotificationMapper": ("17dbab5419a63bdfbcc61e9f270d67f1", "24b222bf3c68375559237b36ea2d473f"),
    "PushRuleMapper": ("df55c5c11eb40d5b75d11439dba86799", "bf09578c0fa79d943f152e5d22b8764d"),
    "RecommendationMapper": ("c77e46568bfe693da592fb8267ae69fa", "1fadc48562697d8a0a7d5a32b4d24de7"),
    "RelationMapper": ("6bc9decf7a04e8e26f8f295cf5a31b4d", "3b962a6edf91aaad76000d67433cb0e8"),
    "RepetitionRuleMapper": ("39f7b02e1822d366c6262a8c23fefade", "ccc9bb93d39f079460f7783700b2a776"),
    "ReviewItemMapper": ("773b59e4410ba83b92142c6c37a8b3d2", "b49ee59aa6ce71141a3c8074d1fdbf2a"),
    "ReviewProfileMapper": ("c7f377ba731647d878578cabb78fb569", "efb12c6eb01257952a64012be33d3ae2"),
    "ReviewSessionMapper": ("576bb365bf7bbab6447a85cc0b40d47b", "f838bd2a50fccdcaaa15fe542a4e72be"),
    "TableMigrationMapper": ("937dd6891e848fc16571de5b2e360048", "7164c9ee67d693fbf3247ef72f95110d"),
    "TagMapper": ("05e97b9a61db4c4fa97a4ce21eb6bbc2", "c4fb06cdc91588d573ad9261b27880ab"),
    "UserMapper": ("9a9bc599584215d39275f2f7baa4ba60", "5a5fe97881e888bc329b580a7bb5e6d7"),
    "UserModelMapper": ("986d05a7c8e0239510151eff14eb1b0a", "0ab945dcfc024446ad34051f9a3d766a"),
}


def concrete(kind: type[Mapper]) -> Iterator[type[Mapper]]:
    for each in kind.__subclasses__():
        yield from concrete(each)
        if not inspect.isabstract(each):
            yield each


def all_mappers() -> list[type[Mapper]]:
    for module in pkgutil.iter_modules(mappers.__path__):
        importlib.import_module(f"{mappers.__name__}.{module.name}")
    return sorted(
        concrete(Mapper),  # type: ignore[type-abstract]
        key=lambda kind: kind.__name__,
    )


def values_of(columns: tuple[str, ...]) -> dict[str, str]:
    return {name: f"{name}-value" for name in columns}


def test_every_mapper_has_its_recorded_hashes() -> None:
    assert [kind.__name__ for kind in all_mappers()] == list(RECORDED)


@pytest.mark.parametrize("kind", all_mappers())
def test_rows_have_the_hashes_that_finished_runs_recorded(kind: type[Mapper]) -> None:
    target, source = RECORDED[kind.__name__]
    assert hash_row(values_of(kind.hashed[0]).values()).hex() == target
    assert hash_row(values_of(tuple(name for name in kind.kinds if name not in LATER)).values()).hex() == source


async def test_a_source_without_later_columns_has_the_hashes_that_were_recorded() -> None:
    early = tuple(name for name in UserMapper.kinds if name not in LATER)
    values = values_of(early)
    with_later = {**values, "srEnabled": "1", "srDailyLimit": "7"}
    found = {}
    for given in (values, with_later):
        held = pa.table({name: [value] for name, value in given.items()})
        table = Mock(schema=held.schema, read=AsyncMock(return_value=held))
        reader = RowReader(table, dict.fromkeys(UserMapper.kinds, Kind.TEXT))
        [row] = await reader.read(0, 1)
        found[len(given)] = row.digest.hex()
        assert set(row.values) == set(UserMapper.kinds)
    assert found[len(values)] == RECORDED["UserMapper"][1]
    assert found[len(with_later)] != RECORDED["UserMapper"][1]


@pytest.mark.parametrize("kind", all_mappers())
def test_a_column_that_a_table_gains_changes_no_recorded_hash(kind: type[Mapper]) -> None:
    mapper = kind(Mock())
    recorded = bytes.fromhex(RECORDED[kind.__name__][0])
    assert mapper.has_digest(values_of(kind.hashed[-1]) | {"is_pinned": False}, recorded)


@pytest.mark.parametrize("kind", all_mappers())
def test_a_changed_value_of_any_hashed_column_is_seen(kind: type[Mapper]) -> None:
    mapper = kind(Mock())
    values = values_of(kind.hashed[-1])
    recorded = mapper.digest(values)
    assert mapper.has_digest(values, recorded)
    assert not any(mapper.has_digest(values | {name: "changed"}, recorded) for name in values)


@pytest.mark.parametrize("kind", [CategoryMapper, TagMapper])
def test_a_name_whose_key_has_changed_with_the_release_is_unchanged(kind: type[Mapper]) -> None:
    mapper = kind(Mock())
    recorded = values_of(kind.hashed[0]) | {"name": "Ｔｅａ\ufe0f ", "name_key": "ｔｅａ\ufe0f"}
    digest = mapper.digest(recorded)
    assert mapper.has_digest(recorded | {"name_key": "tea"}, digest)
    assert not mapper.has_digest(recorded | {"name": "tea", "name_key": "tea"}, digest)


@pytest.mark.parametrize("kind", all_mappers())
def test_rows_of_an_earlier_version_are_recognised(kind: type[Mapper]) -> None:
    class Later(kind):  # type: ignore[misc, valid-type]
        hashed = (*kind.hashed, (*kind.hashed[-1], "is_pinned"))

    values = values_of(kind.hashed[-1]) | {"is_pinned": "-"}
    mapper = Later(Mock())
    assert mapper.has_digest(values, kind(Mock()).digest(values))
    assert mapper.digest(values) != kind(Mock()).digest(values)


@pytest.mark.parametrize("kind", all_mappers())
def test_hashed_columns_exist_and_are_not_given_by_the_run(kind: type[Mapper]) -> None:
    for columns in kind.hashed:
        assert set(columns) <= {column.name for column in kind.table.columns} - set(kind.numbered)
