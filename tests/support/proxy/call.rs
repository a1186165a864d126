//! What a request is, read from its line.

use hyper::Uri;

/// What a request is, without what differs from run to run.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// The verb as RBAC has it; `attach` for what it is.
    pub verb: &'static str,
    /// The resource, with its subresource after a slash.
    pub resource: String,
    /// Its namespace; empty for what has none.
    pub namespace: String,
    /// Its name; empty for a list, a watch and a creation.
    pub name: String,
}

/// Reads verb and resource from a request's line.
pub(super) fn classify(method: &str, uri: &Uri, upgrade: bool) -> Call {
    let mut parts = uri.path().split('/').filter(|part| !part.is_empty()).peekable();
    // The core group has no name of its own.
    let skip = if parts.peek() == Some(&"apis") { 3 } else { 2 };
    let parts: Vec<&str> = parts.skip(skip).collect();
    let (namespace, parts) = match parts.as_slice() {
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (*namespace, rest.to_vec()),
        rest => ("", rest.to_vec()),
    };
    let part = |index: usize| parts.get(index).copied().unwrap_or_default();
    let (resource, name, subresource) = (part(0), part(1), part(2));
    let watch = uri.query().is_some_and(|query| query.split('&').any(|pair| pair.starts_with("watch=")));
    let verb = match (method, name.is_empty()) {
        ("GET", _) if upgrade => "attach",
        ("GET", true) if watch => "watch",
        ("GET", true) => "list",
        ("GET", false) => "get",
        ("POST", _) => "create",
        ("PATCH", _) => "patch",
        ("DELETE", _) => "delete",
        _ => "other",
    };
    let resource =
        if subresource.is_empty() { resource.to_owned() } else { format!("{resource}/{subresource}") };
    Call { verb, resource, namespace: namespace.to_owned(), name: name.to_owned() }
}
