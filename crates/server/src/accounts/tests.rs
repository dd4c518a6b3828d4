use super::*;

fn accounts() -> Accounts {
    Accounts::open(None).expect("memory")
}

fn usage(n_prompt: usize, n_completion: usize) -> Usage {
    Usage { n_prompt, n_completion, ..Usage::default() }
}

#[test]
fn a_key_is_known_by_its_digest_alone() {
    let accounts = accounts();
    let key = accounts.add("ann", KeyLimits::default()).expect("added");
    assert!(key.starts_with("sk-") && key.len() == 51);
    assert_eq!(accounts.find(&key).expect("read").expect("known").name, "ann");
    assert_eq!(accounts.find("sk-other").expect("read"), None);
    assert!(matches!(accounts.add("ann", KeyLimits::default()), Err(AccountsError::NameTaken(_))));
    let stored: Vec<u8> =
        accounts.connection().query_row("SELECT digest FROM key", [], |row| row.get(0)).expect("one key");
    assert_eq!(stored.len(), 32);
    accounts.remove("ann").expect("removed");
    assert_eq!(accounts.find(&key).expect("read"), None);
    assert!(accounts.remove("ann").is_err());
}

#[test]
fn usage_adds_up_by_key_day_and_model() {
    let accounts = accounts();
    let key = accounts.add("ann", KeyLimits::default()).expect("added");
    let id = accounts.find(&key).expect("read").expect("known").id;
    for _ in 0..2 {
        accounts.enter(id, "mini", &usage(10, 5), (Duration::from_millis(500), 0.25)).expect("entered");
    }
    accounts.enter(0, "mini", &usage(1, 1), (Duration::ZERO, 0.0)).expect("entered");
    let used = accounts.list().expect("read")[0].used;
    assert_eq!((used.completions, used.prompt_tokens, used.completion_tokens), (2, 20, 10));
    assert_eq!((used.seconds, used.dollars), (1.0, 0.5));
    let rows = accounts.usage().expect("read");
    assert_eq!(rows.len(), 2);
    assert_eq!(rows.iter().filter(|row| row.key.as_deref() == Some("ann")).count(), 1);
}

#[test]
fn limits_are_kept() {
    let accounts = accounts();
    let limits = KeyLimits { requests_per_minute: Some(2), tokens_per_minute: Some(100), dollars: Some(1.0) };
    let key = accounts.add("ann", limits).expect("added");
    let info = || accounts.find(&key).expect("read").expect("known");
    accounts.admit(&info()).expect("the first");
    accounts.admit(&info()).expect("the second");
    let refused = accounts.admit(&info()).expect_err("the third within a minute");
    assert_eq!(refused.status, 429);
    assert!(refused.retry_after_s.is_some_and(|s| (1..=61).contains(&s)));
    accounts.limit("ann", KeyLimits { requests_per_minute: None, ..limits }).expect("changed");
    accounts.admit(&info()).expect("no bound on requests");
    accounts.enter(info().id, "mini", &usage(90, 10), (Duration::ZERO, 0.5)).expect("entered");
    assert!(accounts.admit(&info()).expect_err("tokens").message.contains("100 tokens a minute"));
    accounts.enter(info().id, "mini", &usage(0, 0), (Duration::ZERO, 0.5)).expect("entered");
    assert_eq!(accounts.admit(&info()).expect_err("dollars").status, 402);
}

#[test]
fn a_file_outlives_the_server_and_newer_ones_are_refused() {
    let dir = std::env::temp_dir().join(format!("penseur-accounts-{}", std::process::id()));
    let key = Accounts::open(Some(&dir)).expect("opened").add("ann", KeyLimits::default()).expect("added");
    let again = Accounts::open(Some(&dir)).expect("opened");
    assert!(again.find(&key).expect("read").is_some());
    again.connection().pragma_update(None, "user_version", 99).expect("written");
    drop(again);
    assert!(matches!(Accounts::open(Some(&dir)), Err(AccountsError::Newer { found: 99, .. })));
    std::fs::remove_dir_all(dir).expect("removed");
}

#[test]
fn a_new_key_does_not_take_over_what_a_removed_one_used() {
    let accounts = accounts();
    let ids = ["a1", "a2", "a3"].map(|name| {
        let key = accounts.add(name, KeyLimits::default()).expect("added");
        accounts.find(&key).expect("read").expect("known").id
    });
    accounts.enter(ids[2], "mini", &usage(10, 5), (Duration::from_millis(500), 0.25)).expect("entered");
    accounts.remove("a3").expect("removed");
    let limits = KeyLimits { dollars: Some(0.25), ..KeyLimits::default() };
    let newbie = accounts.add("newbie", limits).expect("added");
    let newbie = accounts.find(&newbie).expect("read").expect("known");
    assert!(!ids.contains(&newbie.id), "{} is one of {ids:?}", newbie.id);
    assert_eq!(accounts.list().expect("read")[2].used, Used::default());
    accounts.admit(&newbie).expect("nothing spent yet");
    assert_eq!(accounts.usage().expect("read")[0].key, None, "what the removed key used stays on record");
}

#[test]
fn a_file_of_an_earlier_version_keeps_its_keys_and_gives_no_number_again() {
    let dir = std::env::temp_dir().join(format!("penseur-accounts-old-{}", std::process::id()));
    std::fs::create_dir_all(&dir).expect("made");
    let old = Connection::open(dir.join(FILE)).expect("opened");
    for migration in &MIGRATIONS[..2] {
        old.execute_batch(migration).expect("as it was");
    }
    let key = "INSERT INTO key (name, digest, shown, created_at, dollars, admin) VALUES ('ann', ?1, 'sk-…', 5, 2.5, 1)";
    old.execute(key, [digest("of ann")]).expect("added");
    // Numbers of a removed key, of a key in a file, and of nobody.
    for number in [7_i64, 1 << 61 | 5, 0] {
        let row = "INSERT INTO usage VALUES (?1, '2026-11-01', 'mini', 1, 1, 0, 1, 0, 1.0, 1.0)";
        old.execute(row, [number]).expect("entered");
    }
    old.pragma_update(None, "user_version", 2).expect("as it was");
    drop(old);
    let accounts = Accounts::open(Some(&dir)).expect("brought up to date");
    let ann = accounts.find("of ann").expect("read").expect("known");
    assert_eq!((ann.id, ann.admin, ann.limits.dollars), (1, true, Some(2.5)));
    let key = accounts.add("bob", KeyLimits::default()).expect("added");
    assert_eq!(accounts.find(&key).expect("read").expect("known").id, 8);
    std::fs::remove_dir_all(dir).expect("removed");
}
