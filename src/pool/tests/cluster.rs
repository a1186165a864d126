//! The pool against a cluster whose watch is behind.

use super::{World, container, ready, stored, up};
use crate::pool::plan::Observed;
use crate::pool::{Expectations, Member, plan};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use proptest::prelude::*;
use serde_json::json;
use std::collections::BTreeMap;

/// What happens to the cluster between two looks.
#[derive(Debug, Clone)]
enum Happening {
    /// The watch catches up by so many events.
    Seen(usize),
    ComesUp,
    Claimed,
    Dies,
    Refused,
    NewImage,
    Replicas(u32),
    Pressed(bool),
    Seconds(i64),
    Restart,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        4 => (0..4_usize).prop_map(Happening::Seen),
        3 => Just(Happening::ComesUp),
        2 => Just(Happening::Claimed),
        1 => Just(Happening::Dies),
        1 => Just(Happening::Refused),
        1 => Just(Happening::NewImage),
        1 => (0..8_u32).prop_map(Happening::Replicas),
        1 => any::<bool>().prop_map(Happening::Pressed),
        2 => (0..20_i64).prop_map(Happening::Seconds),
    ]
}

/// A cluster, and a watch of it that is behind.
struct Cluster {
    world: World,
    live: BTreeMap<String, Pod>,
    events: Vec<(String, Option<Pod>)>,
    cache: BTreeMap<String, Pod>,
    looks: usize,
    refuse: bool,
}

impl Cluster {
    fn change(&mut self, name: &str, pod: Option<Pod>) {
        match &pod {
            Some(pod) => self.live.insert(name.to_owned(), pod.clone()),
            None => self.live.remove(name),
        };
        self.events.push((name.to_owned(), pod));
    }

    fn see(&mut self, count: usize) {
        for (name, pod) in self.events.drain(..count.min(self.events.len())) {
            match pod {
                Some(pod) => self.cache.insert(name, pod),
                None => self.cache.remove(&name),
            };
        }
    }

    fn look(&mut self) {
        self.looks += 1;
        let names = self.cache.keys().cloned().collect();
        let uids = self.cache.values().filter_map(|pod| pod.metadata.uid.clone()).collect();
        self.world.expectations.settle(&names, &uids, self.world.now);
        let template = self.world.template();
        let members: Vec<Member<'_>> = self
            .cache
            .values()
            .map(|pod| Member {
                pod,
                ready: crate::pool::read_member(pod, "pool-uid") == crate::pool::MemberState::Up,
                since: Some(self.world.now),
            })
            .collect();
        let seed = format!("{}", self.looks);
        let plan = plan(&Observed {
            pool: &self.world.pool,
            template: Ok(&template),
            members: &members,
            expectations: &self.world.expectations,
            pause: None,
            quiet: None,
            pressed: self.world.pressed,
            since_write: None,
            seed: &seed,
            now: self.world.now,
        });
        for removal in plan.removals {
            self.world.expectations.expect_deletion(&removal.uid, self.world.now);
            let there = self.live.get(&removal.name);
            if there.is_some_and(|pod| pod.metadata.resource_version == removal.resource_version) {
                assert!(
                    !crate::sandbox::is_claimed(&self.live[&removal.name]),
                    "a run's sandbox is never deleted"
                );
                self.change(&removal.name, None);
            } else {
                self.world.expectations.is_kept(&removal.uid);
            }
        }
        for pod in plan.creations {
            let name = pod.metadata.name.clone().unwrap();
            self.world.expectations.expect_creation(&name, self.world.now);
            if std::mem::take(&mut self.refuse) {
                self.world.expectations.is_refused(&name);
                continue;
            }
            let pod = stored(&pod, &name, self.world.now, json!({}));
            assert!(!self.live.contains_key(&name), "every sandbox has a name of its own");
            self.change(&name, Some(pod));
        }
        if let Some(status) = plan.status {
            self.world.pool.status = Some(*status);
        }
    }

    fn update(&mut self, pick: impl Fn(&Pod) -> bool, work: impl Fn(&mut Pod)) {
        let Some((name, pod)) = self.live.iter().find(|(_, pod)| pick(pod)) else { return };
        let (name, mut pod) = (name.clone(), pod.clone());
        work(&mut pod);
        let version: u64 = pod.metadata.resource_version.as_deref().unwrap().parse().unwrap();
        pod.metadata.resource_version = Some((version + 1).to_string());
        self.change(&name, Some(pod));
    }

    fn happen(&mut self, happening: Happening) {
        let waits = |pod: &Pod| !crate::sandbox::is_claimed(pod);
        match happening {
            Happening::Seen(count) => self.see(count),
            Happening::ComesUp => self.update(
                |pod| crate::pool::read_member(pod, "pool-uid") == crate::pool::MemberState::Starting,
                |pod| pod.status = serde_json::from_value(up()).unwrap(),
            ),
            Happening::Claimed => self.update(
                |pod| crate::pool::read_member(pod, "pool-uid") == crate::pool::MemberState::Up,
                super::claimed,
            ),
            Happening::Dies => self.update(waits, |pod| {
                pod.status =
                    serde_json::from_value(container(json!({"terminated": {"exitCode": 70}}))).unwrap();
            }),
            Happening::Refused => self.refuse = true,
            Happening::NewImage => self.world.class.image += "x",
            Happening::Replicas(count) => self.world.pool.spec.replicas = count,
            Happening::Pressed(pressed) => self.world.pressed = pressed,
            Happening::Seconds(seconds) => {
                self.world.now = Timestamp::from_second(self.world.now.as_second() + seconds).unwrap();
            }
            Happening::Restart => self.world.expectations = Expectations::default(),
        }
    }

    /// Those that wait or are coming up; what has ended holds no room.
    fn waiting(&self) -> usize {
        let waits = |pod: &Pod| {
            matches!(
                crate::pool::read_member(pod, "pool-uid"),
                crate::pool::MemberState::Starting | crate::pool::MemberState::Up
            )
        };
        self.live.values().filter(|pod| waits(pod)).count()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// However far the watch is behind, for less than the patience of the expectations: never more sandboxes wait than
    /// were ever wanted, and left alone the pool fills up and falls silent.
    #[test]
    fn a_stale_watch_never_makes_too_many_and_it_always_fills_up(
        happenings in prop::collection::vec(happening(), 0..60),
        replicas in 0..8_u32,
    ) {
        let mut cluster = Cluster {
            world: World::new(replicas), live: BTreeMap::new(), events: Vec::new(), cache: BTreeMap::new(), looks: 0,
            refuse: false,
        };
        let mut most = replicas;
        let mut behind = 0;
        for happening in happenings {
            if let Happening::Replicas(count) = happening {
                most = most.max(count);
            }
            if let Happening::Seconds(seconds) = happening {
                behind += seconds;
                // Later than that nobody relies on what was asked for.
                if behind > 40 {
                    cluster.see(usize::MAX);
                    behind = 0;
                }
            }
            cluster.happen(happening);
            cluster.look();
            prop_assert!(cluster.waiting() <= most as usize + 1, "{} wait, {most} wanted", cluster.waiting());
        }
        cluster.happen(Happening::Pressed(false));
        cluster.refuse = false;
        for _ in 0..60 {
            cluster.see(usize::MAX);
            cluster.happen(Happening::ComesUp);
            cluster.see(usize::MAX);
            cluster.look();
        }
        let wanted = cluster.world.pool.spec.replicas;
        prop_assert_eq!(cluster.waiting(), wanted as usize);
        let status = cluster.world.pool.status.clone().unwrap();
        prop_assert_eq!(ready(&status), ("True".to_owned(), "Filled".to_owned()));
        let (live, events) = (cluster.live.len(), cluster.events.len());
        cluster.look();
        prop_assert_eq!((cluster.live.len(), cluster.events.len()), (live, events), "silent at rest");
    }
}

#[test]
fn a_restarted_operator_counts_what_it_sees() {
    let mut cluster = Cluster {
        world: World::new(3),
        live: BTreeMap::new(),
        events: Vec::new(),
        cache: BTreeMap::new(),
        looks: 0,
        refuse: false,
    };
    cluster.look();
    cluster.see(usize::MAX);
    cluster.happen(Happening::Restart);
    cluster.look();
    assert_eq!(cluster.waiting(), 3);
}
