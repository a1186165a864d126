//! Connections that are kept to waiting sandboxes, so that a claim finds one open.

use super::PoolTarget;
use crate::operator::connection::{Broken, Connection, within};
use crate::wire::{Outbound, Progress};
use futures::channel::mpsc::UnboundedSender;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::task::AbortHandle;

/// How often a runner that waits is asked whether it still does.
const BEAT: Duration = Duration::from_secs(20);
/// How long it may take to answer.
const ANSWER: Duration = Duration::from_secs(2);
/// Between two tries to attach.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a keeper may take to hand its connection over: it never does anything long.
const HAND_OVER: Duration = Duration::from_secs(1);

/// All kept connections, by the pod's UID.
#[derive(Clone, Default)]
pub(super) struct Kept {
    keepers: Arc<Mutex<HashMap<String, Keeper>>>,
}

/// One of them.
struct Keeper {
    pool: PoolTarget,
    standing: Arc<Standing>,
    /// Until somebody has taken it. What is left then keeps a look that is behind from attaching to the sandbox once more.
    wanted: Option<oneshot::Sender<oneshot::Sender<Connection>>>,
    task: AbortHandle,
    /// A claim is under way: the watch may show it sooner than its answer comes, and then the sandbox waits no more.
    is_held: bool,
}

/// How it stands with a sandbox.
struct Standing {
    /// Whether the runner has said that it waits, on the present connection.
    ready: AtomicBool,
    /// In seconds since the epoch: since when this process tries to hear that it does, again after each connection that broke.
    since: AtomicI64,
}

impl Standing {
    fn new() -> Self {
        Self { ready: AtomicBool::new(false), since: AtomicI64::new(Timestamp::now().as_second()) }
    }

    fn set(&self, ready: bool) {
        self.since.store(Timestamp::now().as_second(), Ordering::Release);
        self.ready.store(ready, Ordering::Release);
    }
}

impl Kept {
    /// Keeps a connection to that sandbox from now on, unless one is kept; `bell` is rung whenever it becomes ready or
    /// ceases to be.
    pub(super) fn keep(
        &self,
        pods: Api<Pod>,
        pod: (&str, &str),
        bell: (&UnboundedSender<PoolTarget>, &PoolTarget),
    ) {
        let (uid, name) = pod;
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        if keepers.contains_key(uid) {
            return;
        }
        let standing = Arc::new(Standing::new());
        let (wanted, asked) = oneshot::channel();
        let keeping = Keeping {
            pods,
            pod_name: name.to_owned(),
            standing: standing.clone(),
            trigger: bell.0.clone(),
            pool: bell.1.clone(),
        };
        let task = tokio::spawn(keeping.until_wanted(asked)).abort_handle();
        keepers.insert(
            uid.to_owned(),
            Keeper { pool: bell.1.clone(), standing, wanted: Some(wanted), task, is_held: false },
        );
    }

    /// Whether that sandbox waits for a run, and since when this process tries to hear that it does.
    pub(super) fn look(&self, uid: &str) -> (bool, Option<Timestamp>) {
        let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.get(uid).map_or((false, None), |keeper| {
            // In this order: one that ceases to be ready meanwhile has the later time.
            let ready = keeper.is_ready();
            (ready, Timestamp::from_second(keeper.standing.since.load(Ordering::Acquire)).ok())
        })
    }

    /// Whether that sandbox waits for a run.
    pub(super) fn is_ready(&self, uid: &str) -> bool {
        self.look(uid).0
    }

    /// The connection to that sandbox; nobody else gets it any more.
    pub(super) async fn take(&self, uid: &str) -> Option<Connection> {
        let (wanted, task) = {
            let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
            let keeper = keepers.get_mut(uid)?;
            keeper.is_held = false;
            // That it is not ready any more is no reason to replace it.
            keeper.standing.set(false);
            (keeper.wanted.take()?, keeper.task.clone())
        };
        let (give, given) = oneshot::channel();
        let connection = match wanted.send(give) {
            Ok(()) => tokio::time::timeout(HAND_OVER, given).await.ok().and_then(Result::ok),
            Err(_) => None,
        };
        task.abort();
        connection
    }

    /// The pool of that sandbox.
    pub(super) fn pool_of(&self, uid: &str) -> Option<PoolTarget> {
        let keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        keepers.get(uid).map(|keeper| keeper.pool.clone())
    }

    /// Lets the connection to that sandbox outlast what the watch says of it, or no longer.
    pub(super) fn hold(&self, uid: &str, is_held: bool) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(keeper) = keepers.get_mut(uid) {
            keeper.is_held = is_held;
        }
    }

    /// Lets go of every sandbox of the pool but those that still wait or are being claimed.
    pub(super) fn keep_only(&self, pool: &PoolTarget, waiting: &BTreeSet<&str>) {
        let mut keepers = self.keepers.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = |uid: &String, keeper: &mut Keeper| {
            keeper.pool == *pool && !keeper.is_held && !waiting.contains(uid.as_str())
        };
        keepers.extract_if(gone).for_each(|(_, keeper)| keeper.task.abort());
    }
}

impl Keeper {
    fn is_ready(&self) -> bool {
        self.wanted.is_some() && self.standing.ready.load(Ordering::Acquire)
    }
}

/// The task of a keeper.
struct Keeping {
    pods: Api<Pod>,
    pod_name: String,
    standing: Arc<Standing>,
    trigger: UnboundedSender<PoolTarget>,
    pool: PoolTarget,
}

impl Keeping {
    async fn until_wanted(self, mut asked: oneshot::Receiver<oneshot::Sender<Connection>>) {
        loop {
            let waiting = async {
                let mut connection = Connection::attach(&self.pods, &self.pod_name).await?;
                until_ready(&mut connection).await.map(|ready| ready.then_some(connection))
            };
            let connection = tokio::select! {
                connection = waiting => connection,
                // Whoever wants one that is not ready attaches anew.
                _ = &mut asked => return,
            };
            match connection {
                Ok(Some(connection)) => {
                    self.say(true);
                    let kept = beat(connection, &mut asked).await;
                    self.say(false);
                    match kept {
                        Ok((connection, give)) => {
                            // Fails only when nobody waits any more.
                            let _ = give.send(connection);
                            return;
                        }
                        Err(error) => {
                            tracing::debug!(pod = self.pod_name, %error, "a kept connection is made anew");
                        }
                    }
                }
                // It has a run already: not ours to offer.
                Ok(None) => return,
                Err(error) => tracing::debug!(pod = self.pod_name, %error, "attach is tried again"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn say(&self, ready: bool) {
        self.standing.set(ready);
        // Fails only when the controller is gone, and then nobody is left to be woken.
        let _ = self.trigger.unbounded_send(self.pool.clone());
    }
}

/// Waits until the runner says that it waits for a run; false if it has one already.
async fn until_ready(connection: &mut Connection) -> Result<bool, Broken> {
    let mut progress = connection.streams.ask_state(ANSWER).await?;
    loop {
        match progress {
            Progress::Ready => return Ok(true),
            Progress::Accepted(_) | Progress::Reported(_) => return Ok(false),
            Progress::Warming => {}
        }
        // It says so by itself; and is asked now and then, as a line may be lost.
        progress = match tokio::time::timeout(BEAT, next_state(connection)).await {
            Ok(progress) => progress?,
            Err(_) => connection.streams.ask_state(ANSWER).await?,
        };
    }
}

async fn next_state(connection: &mut Connection) -> Result<Progress, Broken> {
    loop {
        if let Outbound::State(state) = connection.streams.next_frame().await? {
            return Ok(state.progress);
        }
    }
}

/// Keeps a connection to a runner that waits until somebody wants it; an error says why it is kept no longer.
async fn beat(
    mut connection: Connection,
    asked: &mut oneshot::Receiver<oneshot::Sender<Connection>>,
) -> Result<(Connection, oneshot::Sender<Connection>), Broken> {
    loop {
        tokio::select! {
            biased;
            give = &mut *asked => return give.map(|give| (connection, give)).map_err(|_| Broken::Ended),
            // Nothing is said to nobody: this ends only when the connection does, or somebody else speaks to the runner.
            frame = connection.streams.next_frame() => match frame? {
                Outbound::State(state) if matches!(state.progress, Progress::Ready) => {}
                _ => return Err(Broken::Ended),
            },
            () = tokio::time::sleep(BEAT) => {
                let answer = connection.streams.ask_state(ANSWER);
                if !matches!(within(ANSWER, answer).await?, Progress::Ready) {
                    return Err(Broken::Ended);
                }
            }
        }
    }
}
