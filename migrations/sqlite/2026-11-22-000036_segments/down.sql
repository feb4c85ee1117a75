ALTER TABLE segments DROP COLUMN conditions;
