DROP TABLE enrollment_rounds;
