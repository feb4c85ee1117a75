DROP TABLE fact_book;
DROP TABLE fact_versions;
DROP TABLE facts;
