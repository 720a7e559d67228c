import numpy as np

from dashboards.report.winner import pictures
from search.export.evaluation import FILE, Regressed, packed
from search.study.study_record import fold
from tests.records import whole_life


def test_a_regressor_is_shown_by_its_residuals_and_an_unjudged_winner_by_nothing(tmp_path):
    record = fold(whole_life())
    values = np.arange(4, dtype="float32")
    (tmp_path / FILE).write_bytes(packed(Regressed("test", "", 4, values, values + 0.5)))

    residuals = pictures(record, tmp_path)

    assert [picture.name for picture in residuals] == ["residuals"]
    assert pictures(record, None) == []
