//! Who must have a second factor, and what opens before they have one.

use countersign::domain::accounts::second_factor::required::{Required, required, set_required};
use countersign::domain::accounts::users;
use countersign::domain::settings;
use countersign::web::{Access, ROUTES};

use crate::pages::concrete;
use crate::second_factor::{code, enrolled};
use crate::sign_in::row;
use crate::support::{Browser, Desk, OPERATOR};

fn require(desk: &Desk, who: Required) {
    desk.write(|conn| set_required(conn, &OPERATOR, who, desk.now())).unwrap();
}

#[actix_web::test]
async fn whoever_needs_one_sets_it_up_before_anything_else() {
    let desk = Desk::new().await;
    let mut rita = Browser::new(desk.app().await);
    rita.sign_in("rita").await;
    assert_eq!(rita.get("/queue").await.status, 200);
    require(&desk, Required::Deciders);
    let spared = ["/account/second-factor", "/account/second-factor/confirmation", "/account/passkeys/new", "/account/passkeys", "/logout"];
    for route in ROUTES.iter().filter(|route| route.access != Access::Public && !spared.contains(&route.path)) {
        let page = match route.method {
            "get" => rita.get(&concrete(route.path)).await,
            _ => rita.post_bare(&concrete(route.path), &[]).await,
        };
        assert_eq!((page.status, page.location.as_deref()), (303, Some("/account/second-factor")), "{} {}", route.method, route.path);
    }
    let stream = actix_web::test::TestRequest::get().uri("/events").insert_header(("accept", "text/event-stream"));
    assert_eq!(rita.run(stream).await.status, 303);
    let here = "/account/second-factor";
    assert!(rita.get(here).await.body.contains("Set up a second factor"));
    let begun = rita.post(here, here, &[]).await;
    assert_eq!((begun.status, begun.location.as_deref()), (303, Some(here)));
    let page = rita.get(here).await.body;
    let secret = page.split("<code id=\"factor-secret\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    let bad = rita.post(here, "/account/second-factor/confirmation", &[("code", "12345")]).await;
    assert!(bad.status == 422 && bad.body.contains("The code is wrong") && bad.body.contains(&secret), "{}", bad.status);
    assert_eq!(rita.get("/queue").await.status, 303);
    let done = rita.post(here, "/account/second-factor/confirmation", &[("code", &code(&secret, desk.now()))]).await;
    assert_eq!(done.status, 200);
    assert_eq!(rita.get("/queue").await.status, 200);
    assert_eq!(rita.get(here).await.location.as_deref(), Some("/account#second-factor"));
}

#[actix_web::test]
async fn it_is_asked_of_administrators_and_those_who_approve_and_of_nobody_else() {
    let desk = Desk::new().await;
    require(&desk, Required::Deciders);
    let max = row(&desk, "Max");
    desk.write(|conn| users::change(conn, &OPERATOR, &max.id, max.role, &[], desk.now())).unwrap();
    enrolled(&desk, &desk.person("Rob"), desk.now());
    let due = |name: &str| {
        let user = row(&desk, name);
        desk.read(|conn| users::visitor_of_session(conn, &user.id, user.sign_in_epoch)).unwrap().factor_due
    };
    assert_eq!([due("Ada"), due("Rita"), due("Rob"), due("Max")], [true, true, false, false]);
    require(&desk, Required::Nobody);
    assert_eq!([due("Ada"), due("Rita"), due("Rob"), due("Max")], [false; 4]);
}

#[actix_web::test]
async fn while_nobody_chose_it_is_needed_where_the_desk_is_reached_over_https() {
    let desk = Desk::new().await;
    desk.write(|conn| settings::clear(conn, settings::SECOND_FACTOR_REQUIRED)).unwrap();
    assert_eq!(desk.read(required), Required::Deciders);
    desk.write(|conn| settings::set(conn, settings::BASE_URL, "http://127.0.0.1:8080")).unwrap();
    assert_eq!(desk.read(required), Required::Nobody);
    require(&desk, Required::Deciders);
    assert_eq!(desk.read(required), Required::Deciders);
}

#[actix_web::test]
async fn an_administrator_sets_it_on_the_page_of_users() {
    let desk = Desk::new().await;
    let (mut ada, mut max) = (Browser::new(desk.app().await), Browser::new(desk.app().await));
    let (_, recovery) = enrolled(&desk, &desk.person("Ada"), desk.now());
    ada.sign_in_with("ada", &recovery[0]).await;
    max.sign_in("max").await;
    let page = ada.get("/users").await.body;
    assert!(page.contains("value=\"nobody\" checked") && page.contains("second factor on"), "{page}");
    assert_eq!(max.post("/account", "/users/second-factor", &[("required", "nobody")]).await.status, 403);
    assert_eq!(ada.post("/users", "/users/second-factor", &[("required", "all")]).await.status, 422);
    assert_eq!(ada.post("/users", "/users/second-factor", &[("required", "deciders")]).await.status, 303);
    assert!(ada.get("/users").await.body.contains("value=\"deciders\" checked"));
    assert_eq!(max.get("/queue").await.location.as_deref(), Some("/account/second-factor"));
    let line = desk.read(|conn| crate::support::log_of(conn, &OPERATOR, Some("second_factor_required"), 1)).remove(0);
    assert_eq!((line.action.as_str(), line.actor_name.as_str()), ("settings.require_second_factor", "Ada"));
}

#[actix_web::test]
async fn nobody_but_an_administrator_in_person_sets_it_by_whatever_way() {
    let desk = Desk::new().await;
    for name in ["Max", "Rita"] {
        let person = desk.person(name);
        let refused = desk.write(|conn| set_required(conn, &person, Required::Nobody, desk.now())).unwrap_err();
        assert_eq!(refused.code, "role_missing", "{name}");
    }
}
