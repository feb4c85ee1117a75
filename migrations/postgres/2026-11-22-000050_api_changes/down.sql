DROP TABLE cohort_comparisons;
