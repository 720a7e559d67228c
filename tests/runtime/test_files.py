"""Files that appear whole or not at all."""

import pytest

from search.runtime.files import write_atomically


def test_a_file_is_written_in_a_new_folder_and_replaced(tmp_path):
    path = tmp_path / "new" / "file.txt"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two"
    assert [found.name for found in path.parent.iterdir()] == ["file.txt"]


def test_nothing_is_left_where_the_file_cannot_be_replaced(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="taken"):
        write_atomically(tmp_path / "taken", b"content")
    assert [found.name for found in tmp_path.iterdir()] == ["taken"]
