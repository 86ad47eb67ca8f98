"""The functions of LogQL (Loki 3, pkg/logql/syntax)."""

RANGE_FUNCTIONS = {
    "rate", "rate_counter", "count_over_time", "bytes_rate", "bytes_over_time",
    "absent_over_time", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time",
    "stddev_over_time", "stdvar_over_time", "quantile_over_time", "first_over_time",
    "last_over_time",
}  # fmt: skip
UNWRAPPED = {
    "rate_counter", "avg_over_time", "sum_over_time", "min_over_time", "max_over_time",
    "stddev_over_time", "stdvar_over_time", "quantile_over_time", "first_over_time",
    "last_over_time",
}  # fmt: skip
VECTOR_FUNCTIONS = {
    "sum", "avg", "min", "max", "count", "stddev", "stdvar", "topk", "bottomk", "sort", "sort_desc",
}  # fmt: skip
