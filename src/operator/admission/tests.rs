//! Reviews as the API server asks for them, and as nobody should; then the same over TLS.

use super::certificate::{Served, make, server_config};
use super::*;
use crate::strategy::{self, Policy};
use axum::http;
use kube::client::Body;
use review::{Review, judge, read, write};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use std::time::SystemTime;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const GOOD: &str = "def strategy(data):\n    return data['close'] > 0\n";
const BAD: &str = "import os\n\n\ndef strategy(data):\n    return data['close'] > 0\n";
const NAME: &str = "w.n.svc";

fn run(code: &str) -> Value {
    json!({"metadata": {"name": "r"}, "spec": {"code": code, "className": "default", "dataset": {"name": "d"}}})
}

fn review(operation: &str, object: Value, old: Value) -> Value {
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "u-1", "kind": {"group": "stratbox.dev", "version": "v1alpha1", "kind": "StrategyRun"},
        "resource": {"group": "stratbox.dev", "version": "v1alpha1", "resource": "strategyruns"},
        "operation": operation, "userInfo": {"username": "u"}, "object": object, "oldObject": old, "dryRun": true}})
}

fn changed(mut value: Value, pointer: &str, to: Value) -> Value {
    *value.pointer_mut(pointer).unwrap() = to;
    value
}

/// JSON in, JSON out, as one run of the webhook has it with the built-in policy.
fn answer_to(body: &[u8]) -> Result<Value, String> {
    let review = read(body).map_err(|error| error.to_string())?;
    let answer = match review.asked {
        Asked::Nothing => review::nothing(),
        Asked::Unreadable(why) => review::unreadable(&why),
        Asked::Program { code, class } => judge(&code, &class, Some(&Policy::default())),
    };
    Ok(serde_json::from_str(&write(&review.uid, &answer)).unwrap())
}

#[test]
fn only_bad_code_is_refused() {
    let mut going = run(BAD);
    going["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    let from = json!({"metadata": {}, "spec": {"codeFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}});
    let other_class = changed(run(BAD), "/spec/className", json!("other"));
    let create = |object: Value| review("CREATE", object, Value::Null);
    let cases = [
        ("good code", create(run(GOOD)), true),
        ("bad code", create(run(BAD)), false),
        ("empty code", create(run("")), false),
        ("code that becomes bad", review("UPDATE", run(BAD), run(GOOD)), false),
        ("bad code that stays", review("UPDATE", run(BAD), run(BAD)), true),
        ("bad code that gets better", review("UPDATE", run(GOOD), run(BAD)), true),
        ("the same code for another class", review("UPDATE", run(BAD), other_class), false),
        ("an old object of another form", review("UPDATE", run(BAD), json!({"spec": 1})), false),
        ("bad code of a run that goes", review("UPDATE", going, run(GOOD)), true),
        ("code from elsewhere", create(from), true),
        ("no code", create(changed(run(BAD), "/spec/code", Value::Null)), true),
        ("a deletion", review("DELETE", Value::Null, run(BAD)), true),
        ("a connection", review("CONNECT", run(BAD), Value::Null), true),
        (
            "the status",
            {
                let mut one = create(run(BAD));
                one["request"]["subResource"] = json!("status");
                one
            },
            true,
        ),
        ("another resource", changed(create(run(BAD)), "/request/resource/resource", json!("pods")), true),
        ("another group", changed(create(run(BAD)), "/request/resource/group", json!("other.dev")), true),
    ];
    for (what, body, allowed) in cases {
        let answer = answer_to(body.to_string().as_bytes()).unwrap();
        let response = &answer["response"];
        assert_eq!(answer["apiVersion"], "admission.k8s.io/v1", "{what}");
        assert_eq!(answer["kind"], "AdmissionReview", "{what}");
        assert_eq!(response["uid"], "u-1", "{what}");
        assert_eq!(response["allowed"], allowed, "{what}: {answer}");
        assert_eq!(response["status"]["code"] == 422, !allowed, "{what}");
        assert_eq!(response.get("warnings"), None, "{what}");
    }
}

#[test]
fn a_refusal_says_rule_place_and_remedy() {
    let answer = answer_to(review("CREATE", run(BAD), Value::Null).to_string().as_bytes()).unwrap();
    let message = answer["response"]["status"]["message"].as_str().unwrap();
    let findings = strategy::check(BAD.as_bytes(), &Policy::default()).unwrap_err();
    let first = &findings.items()[0];
    assert!(message.starts_with("the gate refuses spec.code (1 finding(s))\nIMP"), "{message}");
    for part in [first.rule, "1:8", &first.message, &first.hint] {
        assert!(message.contains(part), "{part}: {message}");
    }
}

#[test]
fn messages_and_warnings_are_bounded_and_harmless() {
    let many = (0..500).map(|i| format!("import os{i}")).collect::<Vec<_>>().join("\n");
    let evil = "x = '\u{1b}[31m\u{202e}'\n".to_owned() + &"é".repeat(60_000);
    for code in [many.as_str(), evil.as_str(), &"(".repeat(100_000), "\u{0}", &"9".repeat(131_072)] {
        let answer = answer_to(review("CREATE", run(code), Value::Null).to_string().as_bytes()).unwrap();
        assert_eq!(answer["response"]["allowed"], false);
        let message = answer["response"]["status"]["message"].as_str().unwrap();
        assert!(message.len() < 3_000, "{}", message.len());
        assert!(!message.chars().any(crate::wire::is_deceptive), "{message:?}");
    }
    let answer = judge(&many, "c", Some(&Policy::default()));
    let text: Value = serde_json::from_str(&write("u", &answer)).unwrap();
    let message = text["response"]["status"]["message"].as_str().unwrap();
    assert_eq!(message.lines().count(), 10, "a head, eight findings, and how many more: {message}");
    assert!(message.ends_with("more: `stratbox validate` lists them"), "{message}");
}

#[test]
fn what_does_not_block_is_a_warning() {
    let soft = Policy::default();
    let code = "def strategy(data):\n    import math\n    return data['close'] > math.pi\n";
    let accepted = strategy::check(code.as_bytes(), &soft).expect("a warning does not block");
    assert_eq!(accepted.warnings().len(), 1);
    let text: Value = serde_json::from_str(&write("u", &judge(code, "c", Some(&soft)))).unwrap();
    assert_eq!(text["response"]["allowed"], true);
    let warning = text["response"]["warnings"][0].as_str().unwrap();
    assert!(warning.starts_with(accepted.warnings()[0].rule), "{warning}");
    assert!(warning.len() <= 120 && !warning.contains('\n'), "{warning:?}");
}

#[test]
fn a_class_that_is_not_there_is_said_and_has_the_built_in_policy() {
    for (code, allowed) in [(GOOD, true), (BAD, false)] {
        let text: Value = serde_json::from_str(&write("u", &judge(code, "nobody", None))).unwrap();
        assert_eq!(text["response"]["allowed"], allowed);
        let warning = text["response"]["warnings"][0].as_str().unwrap();
        assert!(warning.contains("there is no SandboxClass \"nobody\""), "{warning}");
        assert!(warning.len() <= 120, "{warning}");
    }
}

#[test]
fn a_policy_is_honoured() {
    let code = "from scipy.stats import zscore\n\n\ndef strategy(data):\n    return data['close'].apply(zscore) > 0\n";
    let allowing = Policy {
        allowed_imports: vec![strategy::AllowedImport {
            module: "scipy.stats".into(),
            names: vec!["zscore".into()],
        }],
        ..Policy::default()
    };
    let allowed = |policy: &Policy| {
        let text: Value = serde_json::from_str(&write("u", &judge(code, "c", Some(policy)))).unwrap();
        text["response"]["allowed"] == true
    };
    assert!(allowed(&allowing));
    assert!(!allowed(&Policy::default()));
}

#[test]
fn an_object_of_another_version_is_allowed_and_said_to_be_unread() {
    let create = |object: Value| review("CREATE", object, Value::Null);
    for object in [
        json!({"metadata": {}}),
        json!({"spec": []}),
        json!([]),
        json!("run"),
        json!({"spec": {"code": 1}}),
        json!({"spec": {"code": ["import os"]}}),
        json!({"spec": {"code": BAD, "className": {}}}),
        Value::Null,
    ] {
        let answer = answer_to(create(object.clone()).to_string().as_bytes()).unwrap();
        assert_eq!(answer["response"]["allowed"], true, "{object}");
        let warning = answer["response"]["warnings"][0].as_str().unwrap();
        assert!(warning.starts_with("stratbox cannot read this object"), "{warning}");
    }
    // What is not judged may be anything at all.
    let odd =
        json!({"metadata": {"labels": 7}, "spec": {"code": BAD, "dataset": [[]], "params": 3}, "status": 1});
    assert_eq!(answer_to(create(odd).to_string().as_bytes()).unwrap()["response"]["allowed"], false);
}

#[test]
fn what_is_no_review_is_an_error_and_never_a_panic() {
    let good = review("CREATE", run(GOOD), Value::Null);
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let bodies: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"null".to_vec(),
        b"{}".to_vec(),
        vec![0xff, 0xfe, 0x00],
        deep.clone().into_bytes(),
        good.to_string().into_bytes()[..200].to_vec(),
        changed(good.clone(), "/apiVersion", json!("admission.k8s.io/v1beta1")).to_string().into_bytes(),
        changed(good.clone(), "/kind", json!("Pod")).to_string().into_bytes(),
        changed(good.clone(), "/request/uid", json!("")).to_string().into_bytes(),
        changed(good.clone(), "/request/uid", json!("u".repeat(65))).to_string().into_bytes(),
        changed(good.clone(), "/request", Value::Null).to_string().into_bytes(),
        changed(good.clone(), "/request/operation", json!(1)).to_string().into_bytes(),
    ];
    for body in bodies {
        let end = body.len().min(80);
        assert!(answer_to(&body).is_err(), "{}", String::from_utf8_lossy(&body[..end]));
    }
    // Depth where nobody looks costs neither stack nor memory.
    for place in [r#""dryRun":true"#, r#""name":"d""#] {
        let deeper = good.to_string().replace(place, &format!("\"x\":{deep}"));
        assert!(deeper.len() > deep.len());
        assert_eq!(answer_to(deeper.as_bytes()).unwrap()["response"]["allowed"], true);
    }
    let mut twice = good.to_string();
    twice.truncate(twice.len() - 1);
    assert!(answer_to(format!("{twice},\"request\":{{}}}}").as_bytes()).is_err());
}

proptest::proptest! {
    /// A review with one byte changed and its end cut off: an answer or an error, and a refusal only of what was judged.
    #[test]
    fn a_damaged_review_has_an_answer_or_an_error(at in 0_usize..400, byte: u8, end in 0_usize..500) {
        let mut body = review("CREATE", run(GOOD), Value::Null).to_string().into_bytes();
        if let Some(place) = body.get_mut(at) {
            *place = byte;
        }
        body.truncate(end.max(body.len() / 2));
        let judged = matches!(read(&body), Ok(Review { asked: Asked::Program { .. }, .. }));
        let refused = answer_to(&body).is_ok_and(|answer| answer["response"]["allowed"] == false);
        proptest::prop_assert!(judged || !refused);
    }
}

/// A client of an API server that has one class, which allows scipy.stats, and breaks on the class `broken`.
fn api_server() -> Client {
    let service = tower::service_fn(|request: http::Request<Body>| async move {
        let name = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
        let (code, body) = match name.as_str() {
            "default" => (
                200,
                json!({"apiVersion": "stratbox.dev/v1alpha1", "kind": "SandboxClass",
                "metadata": {"name": "default"}, "spec": {"image": "i",
                "policy": {"allowedImports": [{"module": "scipy.stats", "names": ["zscore"]}]}}}),
            ),
            "broken" => {
                (500, json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 500}))
            }
            _ => (
                404,
                json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404, "reason": "NotFound"}),
            ),
        };
        let response = http::Response::builder().status(code).body(Body::from(body.to_string().into_bytes()));
        response.map_err(std::io::Error::other)
    });
    Client::new(service, "default")
}

/// One HTTP exchange over TLS: status and body, or why there was none. Without a body, one is announced that is too large.
async fn exchange(
    address: SocketAddr,
    authority: &str,
    path: &str,
    body: &[u8],
) -> Result<(u16, String), String> {
    let mut roots = rustls::RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(authority.as_bytes()) {
        roots.add(authority.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = connector
        .connect(ServerName::try_from(NAME).unwrap(), stream)
        .await
        .map_err(|error| error.to_string())?;
    let length = if body.is_empty() { BODY + 1 } else { body.len() };
    let head = format!("POST {path} HTTP/1.1\r\nhost: {NAME}\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all(head.as_bytes()).await.map_err(|error| error.to_string())?;
    stream.write_all(body).await.map_err(|error| error.to_string())?;
    let mut all = Vec::new();
    let _ = stream.read_to_end(&mut all).await;
    let text = String::from_utf8_lossy(&all).into_owned();
    let status = text.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or("no answer")?;
    Ok((status, text.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

async fn started(served: Arc<Served>) -> (SocketAddr, Metrics) {
    let metrics = Metrics::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let config = server_config(served).unwrap();
    tokio::spawn(listener::serve(listener, config, router(api_server(), metrics.clone())));
    (address, metrics)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reviews_are_answered_over_tls_and_what_cannot_be_judged_is_an_error() {
    let served = Arc::new(Served::default());
    let made = make(NAME, Duration::from_mins(1), SystemTime::now()).unwrap();
    let (address, metrics) = started(served.clone()).await;
    let body = |code: &str, class: &str| {
        let object = changed(run(code), "/spec/className", json!(class));
        review("CREATE", object, Value::Null).to_string().into_bytes()
    };
    let early = exchange(address, &made.authority, PATH, &body(GOOD, "default")).await;
    assert!(early.is_err(), "nobody connects while there is no certificate: {early:?}");
    served.replace(made.certified);

    let scipy = "from scipy.stats import zscore\n\n\ndef strategy(data):\n    return data['close'].apply(zscore) > 0\n";
    for (code, class, status, allowed) in [
        (GOOD, "default", 200, Some(true)),
        (BAD, "default", 200, Some(false)),
        (scipy, "default", 200, Some(true)),
        (scipy, "other", 200, Some(false)),
        (GOOD, "../nodes", 200, Some(true)),
        (GOOD, "broken", 503, None),
    ] {
        let (code_there, text) = exchange(address, &made.authority, PATH, &body(code, class)).await.unwrap();
        assert_eq!(code_there, status, "{class}: {text}");
        let answer: Option<Value> = serde_json::from_str(&text).ok();
        let there = answer.and_then(|answer| answer["response"]["allowed"].as_bool());
        assert_eq!(there, allowed, "{class}: {text}");
    }
    for (path, content, status) in
        [(PATH, b"no review".to_vec(), 400), (PATH, Vec::new(), 413), ("/", body(GOOD, "default"), 404)]
    {
        let answer = exchange(address, &made.authority, path, &content).await;
        assert_eq!(answer.as_ref().map(|(status, _)| *status), Ok(status), "{answer:?}");
    }
    let text = metrics.encode().unwrap();
    for line in [
        r#"stratbox_admission_reviews_total{verdict="Accepted"} 3"#,
        r#"stratbox_admission_reviews_total{verdict="Refused"} 2"#,
        r#"stratbox_admission_reviews_total{verdict="NotAnswered"} 3"#,
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_certificate_is_served_at_once_and_both_authorities_can_stand_in_a_bundle() {
    let served = Arc::new(Served::default());
    let (address, _) = started(served.clone()).await;
    let make = || make(NAME, Duration::from_mins(1), SystemTime::now()).unwrap();
    let (first, second) = (make(), make());
    let both = format!("{}{}", second.authority, first.authority);
    let body = review("CREATE", run(GOOD), Value::Null).to_string().into_bytes();
    let trusted = async |authority: &str| exchange(address, authority, PATH, &body).await.is_ok();

    served.replace(first.certified);
    assert!(trusted(&first.authority).await && trusted(&both).await);
    assert!(!trusted(&second.authority).await);
    served.replace(second.certified);
    assert!(trusted(&second.authority).await && trusted(&both).await);
    assert!(!trusted(&first.authority).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_over_or_of_another_name_is_not_trusted() {
    let served = Arc::new(Served::default());
    let (address, _) = started(served.clone()).await;
    let body = review("CREATE", run(GOOD), Value::Null).to_string().into_bytes();
    let past = SystemTime::now() - Duration::from_hours(1);
    for (name, since, words) in
        [(NAME, past, "expired"), ("x.n.svc", SystemTime::now(), "not valid for name")]
    {
        let made = make(name, Duration::from_mins(1), since).unwrap();
        served.replace(made.certified);
        let error = exchange(address, &made.authority, PATH, &body).await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_is_followed_and_half_of_a_change_changes_nothing() {
    let folder = std::env::temp_dir().join(format!("stratbox-webhook-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pair = || {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate =
            rcgen::CertificateParams::new([NAME.to_owned()]).unwrap().self_signed(&key).unwrap();
        (certificate.pem(), key.serialize_pem())
    };
    let (one, other) = (pair(), pair());
    let served = Arc::new(Served::default());
    let (address, _) = started(served.clone()).await;
    let body = review("CREATE", run(GOOD), Value::Null).to_string().into_bytes();
    let mut current = None;
    let mut look = |certificate: &str, key: &str| {
        std::fs::write(folder.join("tls.crt"), certificate).unwrap();
        std::fs::write(folder.join("tls.key"), key).unwrap();
        keep::look(&folder, &mut current, &served).map_err(|error| chain(&error))
    };
    let trusted = async |certificate: &str| exchange(address, certificate, PATH, &body).await.is_ok();

    for (certificate, key) in [("", one.1.as_str()), (one.0.as_str(), ""), ("x", "y"), (&one.0, &other.1)] {
        look(certificate, key).unwrap_err();
    }
    assert!(!trusted(&one.0).await);
    assert_eq!(look(&one.0, &one.1), Ok(true));
    assert_eq!(look(&one.0, &one.1), Ok(false));
    look(&other.0, &one.1).unwrap_err();
    assert!(trusted(&one.0).await && !trusted(&other.0).await);
    assert_eq!(look(&other.0, &other.1), Ok(true));
    assert!(trusted(&other.0).await && !trusted(&one.0).await);
    std::fs::remove_dir_all(&folder).unwrap();
    keep::look(&folder, &mut current, &served).unwrap_err();
    assert!(trusted(&other.0).await);
}
