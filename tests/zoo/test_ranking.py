import json

from keras_transfer.zoo.ranking import Ranking


def _ranking(notes=()):
    row = {
        "name": "a",
        "scores": {"logme": 0.5, "leep": None},
        "features": 1280,
        "parameters": 2_257_984,
        "seconds": 1.5,
        "milliseconds_per_row": 0.25,
    }
    other = {
        **row,
        "name": "longer",
        "scores": {"logme": -1.25, "leep": -0.5},
        "parameters": None,
    }
    return Ranking([row, other], ("logme", "leep"), 100, notes)


def test_the_table_is_aligned_and_says_what_is_unknown():
    lines = str(_ranking(("- leep: none",))).splitlines()
    assert lines[0].split() == [
        *("name", "logme", "leep", "features", "parameters", "ms/row"),
        "seconds",
    ]
    assert lines[2].split() == [
        *("a", "0.500", "-", "1,280", "2,257,984", "0.250", "1.500")
    ]
    assert lines[3].split() == [
        *("longer", "-1.250", "-0.500", "1,280", "-", "0.250", "1.500")
    ]
    assert lines[4] == "- leep: none"
    assert len({len(line) for line in lines[:4]}) == 1


def test_names_are_in_order():
    assert _ranking().names == ["a", "longer"]


def test_it_goes_into_json_and_back():
    ranking = _ranking(("note",))
    contents = json.loads(json.dumps(ranking.to_dict()))
    contents["scores"] = tuple(contents["scores"])
    contents["notes"] = tuple(contents["notes"])
    assert Ranking(**contents) == ranking
