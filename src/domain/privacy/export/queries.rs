//! SQL of the export: statements made from the database's own catalogue. Names of tables and columns come from there alone and
//! are quoted; values are bound.

use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::db::Conn;
use crate::db::statement::Statement;

/// Values that one statement names.
const AT_ONCE: usize = 500;

#[derive(QueryableByName)]
struct Column {
    #[diesel(sql_type = Text)]
    table: String,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct One {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Every table with its columns, in their order. Indexes that look like tables are none.
pub(super) fn catalogue(conn: &mut Conn) -> QueryResult<Vec<(String, Vec<String>)>> {
    let mut statement = Statement::default();
    statement.push(match conn {
        Conn::Sqlite(_) => {
            "SELECT m.name AS \"table\", c.name AS name FROM sqlite_master m JOIN pragma_table_info(m.name) c \
             WHERE m.type = 'table' AND m.name NOT LIKE 'message_index%' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name, c.cid"
        }
        Conn::Postgres(_) => {
            "SELECT table_name::text AS \"table\", column_name::text AS name FROM information_schema.columns \
             WHERE table_schema = current_schema() ORDER BY table_name, ordinal_position"
        }
    });
    let mut tables: Vec<(String, Vec<String>)> = vec![];
    for Column { table, name } in statement.load::<Column>(conn)? {
        match tables.last_mut() {
            Some((last, columns)) if *last == table => columns.push(name),
            _ => tables.push((table, vec![name])),
        }
    }
    Ok(tables)
}

/// The ids of the rows of a table that belong to a contact.
pub(super) fn ids_of(conn: &mut Conn, table: &str, contact: &[String]) -> QueryResult<Vec<String>> {
    let mut statement = Statement::default();
    statement.push(format!("SELECT id AS value FROM {} WHERE contact_id IN ", quoted(table))).texts(contact.iter().map(String::as_str));
    Ok(statement.load::<One>(conn)?.into_iter().map(|row| row.value).collect())
}

/// The rows with one of these values in a column, each as a JSON object.
pub(super) fn rows(conn: &mut Conn, table: &str, columns: &[&str], by: &str, values: &[String]) -> QueryResult<Vec<String>> {
    let object = match conn {
        Conn::Sqlite(_) => "json_object",
        Conn::Postgres(_) => "json_build_object",
    };
    let fields: Vec<String> = columns.iter().map(|column| format!("'{}', {}", column.replace('\'', "''"), quoted(column))).collect();
    // Addresses are compared as this product does: in small letters.
    let compared = match by {
        "email" | "customer_email" => format!("lower({})", quoted(by)),
        _ => quoted(by),
    };
    let mut all = vec![];
    for some in values.chunks(AT_ONCE) {
        let mut statement = Statement::default();
        // PostgreSQL takes at most a hundred arguments, which no table has columns for.
        statement
            .push(format!("SELECT CAST({object}({}) AS TEXT) AS value FROM {} WHERE {compared} IN ", fields.join(", "), quoted(table)))
            .texts(some.iter().map(String::as_str));
        all.extend(statement.load::<One>(conn)?.into_iter().map(|row| row.value));
    }
    Ok(all)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}
