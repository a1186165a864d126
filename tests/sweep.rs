//! The crash sweep: a run makes the operator send some twenty requests, and each of them is spoiled in each of eight
//! ways, one at a time. Whatever happens, the run has to end as one that nothing happened to.
//!
//! `make sweep` runs the whole matrix and prints it; by itself this test takes a third of the cells of the requests that
//! change something, so that each request and each way is among them, and all of the creation of the pod and of the claim.
//! Once for runs that get a sandbox of their own, once for runs that take one of a pool's, where the pool's requests on
//! the way to the next sandbox are spoiled too.
//!
//! | variable | meaning |
//! |---|---|
//! | `SWEEP` | `all` for the whole matrix |
//! | `SWEEP_WORKERS` | how many operators are tried at a time; default 3 |

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says by panicking what is wrong")]
#![allow(clippy::print_stdout, reason = "the matrix is what it is for")]

#[path = "sweep/cell.rs"]
mod cell;
#[path = "sweep/matrix.rs"]
mod matrix;
#[path = "support/proxy.rs"]
mod proxy;
#[path = "sweep/road.rs"]
mod road;
#[path = "support/stand.rs"]
mod stand;
mod support;

use cell::{Cell, Reference};
use matrix::{MODES, Matrix};
use road::Road;
use stand::Stand;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// One matrix at a time: each has all the operators that the machine bears.
static TURN: Mutex<()> = Mutex::new(());

#[test]
fn whatever_is_spoiled_the_run_ends_as_if_nothing_had_been() {
    sweep(Road::Cold);
}

#[test]
fn whatever_is_spoiled_a_pools_sandbox_is_used_once_and_replaced() {
    sweep(Road::Warm);
}

fn sweep(road: Road) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let whole = std::env::var("SWEEP").is_ok_and(|what| what == "all");
    let workers =
        std::env::var("SWEEP_WORKERS").map_or(3, |text| text.parse().expect("SWEEP_WORKERS: a number"));
    let stands: Vec<Stand> = (0..workers).map(|_| Stand::new("sweep")).collect();
    for stand in &stands {
        road.lay(stand);
    }
    let reference = Reference::take(&stands[0], road);
    // Three has nothing in common with eight: taking every third goes through all columns.
    let wanted = |(index, cell): &(usize, Cell)| {
        whole || cell.request.changes_something() && (index % 3 == 0 || cell.request.takes_the_sandbox())
    };
    let cells: VecDeque<Cell> = reference
        .requests
        .iter()
        .flat_map(|request| MODES.map(|(_, fate)| Cell { request: request.clone(), fate }))
        .enumerate()
        .filter(wanted)
        .map(|(_, cell)| cell)
        .collect();
    println!("{} cells; reference: {}", cells.len(), reference.totals());
    let matrix = Mutex::new(Matrix::new(&reference, cells.len()));
    let cells = Mutex::new(cells);
    std::thread::scope(|scope| {
        for stand in &stands {
            scope.spawn(|| {
                loop {
                    let next = cells.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some(cell) = next else { return };
                    let verdict = cell.try_on(stand, &reference);
                    matrix.lock().unwrap_or_else(PoisonError::into_inner).note(&cell, verdict);
                }
            });
        }
    });
    let matrix = matrix.into_inner().unwrap();
    println!("{matrix}");
    matrix.save(&road.to_string()).unwrap();
    assert!(matrix.is_clean(), "{matrix}");
}
