use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use super::*;
use crate::database::connection::Connection;
use crate::database::scratch;
use crate::payments::MIGRATIONS;
use crate::sql::{self, Text, both};

const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

async fn ledger() -> Connection {
    let mut connection = scratch::writer("payments", &MIGRATIONS).await;
    for (account, currency) in [
        ("ann", "EUR"),
        ("shop", "EUR"),
        ("bob", "USD"),
        ("store", "USD"),
    ] {
        sql::query("INSERT INTO accounts VALUES (?, 'liability', ?, ?, 0)")
            .bind(account)
            .bind(currency)
            .bind(account)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection
}

fn movement(amount: i64, currency: &str) -> Movement {
    let (from, to) = if currency == "EUR" {
        ("ann", "shop")
    } else {
        ("bob", "store")
    };
    Movement {
        payment: "pay_1".to_owned(),
        amount,
        currency: currency.to_owned(),
        payer: from.to_owned(),
        payee: to.to_owned(),
    }
}

async fn balance(connection: &mut Connection, account: &str) -> i64 {
    let balance: Option<i64> = sql::query_scalar("SELECT amount FROM balances WHERE account = ?")
        .bind(account)
        .fetch_optional(connection)
        .await
        .unwrap();
    balance.unwrap_or(0)
}

#[test]
fn the_ledger_balances_whatever_is_posted() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let movements = prop::collection::vec(
        (1..1_000_000_000i64, any::<bool>(), any::<bool>(), 0..20u8),
        1..40,
    );
    let config = ProptestConfig::with_cases(32);
    let outcome = TestRunner::new(config).run(&movements, |movements| {
        runtime.block_on(async {
            let mut connection = ledger().await;
            let mut expected = std::collections::HashMap::new();
            let mut posted = std::collections::HashSet::new();
            for (amount, is_refund, is_euro, id) in movements {
                let movement = movement(amount, if is_euro { "EUR" } else { "USD" });
                let kind = if is_refund {
                    EventType::RefundSucceeded
                } else {
                    EventType::PaymentCaptured
                };
                let outcome =
                    post(&mut connection, &format!("evt_{id}"), kind, &movement, NOW).await;
                prop_assert_eq!(outcome.is_ok(), posted.insert(id), "each id is posted once");
                if outcome.is_ok() {
                    let signed = if is_refund { -amount } else { amount };
                    *expected.entry(movement.payee.clone()).or_insert(0) -= signed;
                    *expected.entry(clearing(&movement.currency)).or_insert(0) += signed;
                }
            }
            prop_assert_eq!(
                imbalance(&mut connection).await.unwrap(),
                Imbalance::default()
            );
            for (account, amount) in expected {
                prop_assert_eq!(balance(&mut connection, &account).await, amount);
            }
            prop_assert_eq!(balance(&mut connection, "ann").await, 0);
            Ok(())
        })
    });
    outcome.unwrap();
}

#[tokio::test]
async fn the_database_refuses_what_does_not_balance() {
    let mut connection = ledger().await;
    let check = async |connection: &mut Connection, legs: Value, expected: &str| {
        let movement = movement(1, "EUR");
        let outcome = insert(connection, "evt_1", (&movement, "test"), &legs, NOW).await;
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains(expected), "{legs}: {error}");
    };
    let leg = |account: &str, amount: i64| json!({ "account": account, "amount": amount });
    let unbalanced = "the legs of a ledger transaction must sum to zero";
    check(&mut connection, json!([]), unbalanced).await;
    check(&mut connection, json!([leg("ann", 5)]), unbalanced).await;
    check(
        &mut connection,
        json!([leg("ann", 5), leg("shop", -4)]),
        unbalanced,
    )
    .await;
    let foreign = "a ledger entry is a leg of its transaction, on an account of its currency";
    check(
        &mut connection,
        json!([leg("ann", 5), leg("bob", -5)]),
        foreign,
    )
    .await;
    check(
        &mut connection,
        json!([leg("ann", 5), leg("nobody", -5)]),
        foreign,
    )
    .await;
    let halves =
        json!([{ "account": "ann", "amount": 0.5 }, { "account": "shop", "amount": -0.5 }]);
    let broken = match &connection {
        Connection::Sqlite(_) => "cannot store REAL value",
        Connection::Postgres(_) => "invalid input syntax for type bigint",
    };
    check(&mut connection, halves, broken).await;
    let entries: i64 = sql::query_scalar("SELECT count(*) FROM ledger_entries")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(entries, 0, "what is refused leaves nothing");
}

#[tokio::test]
async fn what_is_posted_stays_as_it_is() {
    let mut connection = ledger().await;
    let posted = movement(500, "EUR");
    post(
        &mut connection,
        "evt_1",
        EventType::PaymentCaptured,
        &posted,
        NOW,
    )
    .await
    .unwrap();
    for statement in [
        "UPDATE ledger_entries SET amount = amount + 1",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_transactions SET legs = '[]'",
        "DELETE FROM ledger_transactions",
        "INSERT INTO ledger_entries (transaction_id, leg, account, amount) VALUES ('evt_1', 9, 'ann', 5)",
        "UPDATE accounts SET currency = 'USD'",
    ]
    .into_iter()
    .map(Text::from)
    .chain([
        both(
            "INSERT OR REPLACE INTO ledger_entries SELECT seq, transaction_id, leg, account, amount FROM ledger_entries",
            "INSERT INTO ledger_entries SELECT seq, transaction_id, leg, account, amount FROM ledger_entries ON CONFLICT (seq) DO UPDATE SET amount = 1",
        ),
        both(
            "INSERT OR REPLACE INTO ledger_transactions SELECT * FROM ledger_transactions",
            "INSERT INTO ledger_transactions SELECT * FROM ledger_transactions ON CONFLICT (id) DO UPDATE SET legs = '[]'",
        ),
        both("DELETE FROM ledger_entries WHERE true", "TRUNCATE ledger_entries"),
    ]) {
        let told = format!("{statement:?}");
        let outcome = sql::query(statement).execute(&mut connection).await;
        assert!(outcome.is_err(), "{told}");
    }
    assert_eq!(balance(&mut connection, "shop").await, -500);
    assert_eq!(
        imbalance(&mut connection).await.unwrap(),
        Imbalance::default()
    );
}
