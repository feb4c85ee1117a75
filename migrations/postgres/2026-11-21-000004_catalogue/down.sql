DROP TABLE customer_stories;
DROP TABLE company_facts;
DROP TABLE plans;
DROP TABLE offers;
DROP TABLE product_updates;
