DROP TABLE update_rounds;
