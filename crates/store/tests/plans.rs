//! Plans and tenancy as the database holds them.

use drift_domain::clock::Clock;
use drift_domain::ids::{OrganizationId, UserId};
use drift_domain::plan::{Capability, Limit, Plan, PlanTier};
use drift_domain::role::Role;
use drift_store::people::{self, Organization, User};
use drift_store::{PgPool, plans, tenant};
use drift_testkit::{TestClock, TestDatabase};
use uuid::Uuid;

async fn organization(pool: &PgPool, plan: PlanTier) -> OrganizationId {
    let mut db = pool.acquire().await.unwrap();
    let id = OrganizationId(Uuid::now_v7());
    let organization = Organization { id, name: id.to_string(), plan, webhook_secret: vec![1] };
    let now = TestClock::new().now();
    people::insert_organization(&mut db, &organization, now).await.unwrap();
    let user = User {
        id: UserId(id.0),
        email: format!("{}@example.com", id.0.simple()),
        name: "Ada".to_owned(),
        password_hash: None,
        email_verified_at: None,
    };
    people::insert_user(&mut db, &user, now).await.unwrap();
    people::put_membership(&mut db, id, user.id, Role::Owner, now).await.unwrap();
    id
}

#[tokio::test]
async fn the_database_is_delivered_with_the_table_of_the_domain() {
    let database = TestDatabase::new().await;
    for tier in PlanTier::ALL {
        let id = organization(database.pool(), *tier).await;
        let mut db = database.pool().acquire().await.unwrap();
        let plan = plans::effective(&mut db, id).await.unwrap().unwrap();
        assert_eq!(plan, Plan::standard(*tier));
        let bounds = sqlx::query!(
            "SELECT name, standard, least, most FROM plan_limits WHERE plan = $1 ORDER BY name",
            tier.as_str()
        )
        .fetch_all(&mut *db)
        .await
        .unwrap();
        assert_eq!(bounds.len(), Limit::ALL.len());
        for row in bounds {
            let ours = row.name.parse::<Limit>().unwrap().bounds(*tier);
            let number = |n: Option<i32>| n.map(|n| u32::try_from(n).unwrap());
            assert_eq!((number(row.standard), number(row.most)), (ours.standard, ours.most), "{tier} {}", row.name);
            assert_eq!(row.least, i32::try_from(ours.least).unwrap(), "{tier} {}", row.name);
        }
        let rows =
            sqlx::query_scalar!(r#"SELECT count(*) AS "n!" FROM plan_capabilities WHERE plan = $1"#, tier.as_str());
        assert_eq!(rows.fetch_one(&mut *db).await.unwrap(), i64::try_from(Capability::ALL.len()).unwrap());
    }
}

#[tokio::test]
async fn nobody_takes_the_sight_of_drift_away_not_even_in_the_database() {
    let database = TestDatabase::new().await;
    let mut db = database.pool().acquire().await.unwrap();
    for statement in [
        "UPDATE plan_capabilities SET granted = 'NONE' WHERE capability = 'DETECTION'",
        "UPDATE plan_capabilities SET granted = 'LIMITED' WHERE capability = 'VISIBILITY'",
        "UPDATE plan_capabilities SET capability = 'OTHER' WHERE capability = 'SUMMARY'",
        "DELETE FROM plan_capabilities WHERE capability = 'DETECTION' AND plan = 'FREE'",
        "TRUNCATE plan_capabilities",
    ] {
        let refused = sqlx::query(statement).execute(&mut *db).await.unwrap_err();
        let refused = drift_store::StoreError::from(refused);
        assert_eq!(refused.constraint(), Some("plan_capabilities_drift_is_seen"), "{statement}");
    }
}

#[tokio::test]
async fn a_tenants_transaction_sees_and_takes_its_own_rows_alone() {
    let database = TestDatabase::new().await;
    let (ours, theirs) =
        (organization(database.pool(), PlanTier::Pro).await, organization(database.pool(), PlanTier::Pro).await);
    let mut tx = tenant::begin(database.pool(), ours).await.unwrap();
    let seen =
        sqlx::query_scalar::<_, Uuid>("SELECT organization_id FROM memberships").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(seen, [ours.0], "a statement that forgets the organization sees no other one's rows");
    let seen = sqlx::query_scalar::<_, Uuid>("SELECT id FROM organizations").fetch_all(&mut *tx).await.unwrap();
    assert_eq!(seen, [ours.0]);
    let changed = sqlx::query("UPDATE memberships SET role = 'VIEWER' WHERE organization_id = $1").bind(theirs.0);
    assert_eq!(changed.execute(&mut *tx).await.unwrap().rows_affected(), 0);
    drop(tx);

    for statement in [
        "INSERT INTO events (organization_id, kind, at) VALUES ($1, 'forged', now())",
        "SELECT password_hash FROM users WHERE id = $1",
        "DELETE FROM plan_limits WHERE plan = $1::uuid::text",
        "SET LOCAL row_security = off; SELECT $1::uuid",
    ] {
        let mut tx = tenant::begin(database.pool(), ours).await.unwrap();
        sqlx::query(statement).bind(theirs.0).execute(&mut *tx).await.expect_err(statement);
    }
    let role =
        sqlx::query!("SELECT rolsuper, rolbypassrls, rolcanlogin FROM pg_roles WHERE rolname = $1", tenant::ROLE);
    let role = role.fetch_one(database.pool()).await.unwrap();
    assert_eq!((role.rolsuper, role.rolbypassrls, role.rolcanlogin), (Some(false), Some(false), Some(false)));
}

#[tokio::test]
async fn no_table_of_a_tenant_is_without_its_policy() {
    let database = TestDatabase::new().await;
    let bare = sqlx::query_scalar::<_, String>(
        "SELECT c.relname::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
           AND (NOT c.relrowsecurity OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid))",
    );
    let bare = bare.fetch_all(database.pool()).await.unwrap();
    assert!(bare.is_empty(), "CALL protect_tenant for {bare:?}");
}
