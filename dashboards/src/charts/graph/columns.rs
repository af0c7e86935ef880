//! Columns of a map: from callers on the left to what they lean on.

/// The column of each box, and which edges run against the order of columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) of: Vec<usize>,
    /// Of each edge: it closes a cycle, and is laid out as if it ran the other way.
    pub(super) turned: Vec<bool>,
}

/// Every edge that is not turned leads at least one column to the right; an edge of a box to itself
/// is left alone. Depends on the edges alone, not on how busy they are: a map must not jump when it
/// is looked at again.
pub(super) fn columns(count: usize, edges: &[(usize, usize)]) -> Columns {
    let turned = turned(count, edges);
    let mut after = vec![Vec::new(); count];
    let mut before = vec![0_usize; count];
    for ((client, server), turned) in edges.iter().zip(&turned) {
        if client != server {
            let (from, to) = if *turned {
                (*server, *client)
            } else {
                (*client, *server)
            };
            after[from].push(to);
            before[to] += 1;
        }
    }
    let is_first: Vec<bool> = before.iter().map(|count| *count == 0).collect();
    let mut of = vec![0_usize; count];
    let mut ready: Vec<usize> = (0..count).filter(|at| is_first[*at]).collect();
    while let Some(from) = ready.pop() {
        for to in &after[from] {
            of[*to] = of[*to].max(of[from] + 1);
            before[*to] -= 1;
            if before[*to] == 0 {
                ready.push(*to);
            }
        }
    }
    // Who is called by nobody stands next to what it calls.
    for from in (0..count).filter(|at| is_first[*at]) {
        if let Some(nearest) = after[from].iter().map(|to| of[*to]).min() {
            of[from] = nearest - 1;
        }
    }
    Columns { of, turned }
}

/// Edges that lead back to a box from which the walk came.
fn turned(count: usize, edges: &[(usize, usize)]) -> Vec<bool> {
    let mut out: Vec<Vec<usize>> = vec![Vec::new(); count];
    let mut balance = vec![(0_i64, 0_i64); count];
    for (at, (client, server)) in edges.iter().enumerate() {
        if client != server {
            out[*client].push(at);
            balance[*client].1 += 1;
            balance[*server].0 += 1;
        }
    }
    for edges_of in &mut out {
        edges_of.sort_by_key(|at| edges[*at]);
    }
    // Those that nobody calls begin; in a ring, who calls more than it is called.
    let mut starts: Vec<usize> = (0..count).collect();
    starts.sort_by_key(|at| {
        let (called, calls) = balance[*at];
        (called > 0, called - calls, *at)
    });
    let mut turned = vec![false; edges.len()];
    let mut seen = vec![Seen::Not; count];
    for start in starts {
        if seen[start] != Seen::Not {
            continue;
        }
        seen[start] = Seen::Open;
        let mut path = vec![(start, 0)];
        while let Some((at, next)) = path.last_mut() {
            let Some(edge) = out[*at].get(*next).copied() else {
                seen[*at] = Seen::Done;
                path.pop();
                continue;
            };
            *next += 1;
            let to = edges[edge].1;
            match seen[to] {
                Seen::Open => turned[edge] = true,
                Seen::Done => {}
                Seen::Not => {
                    seen[to] = Seen::Open;
                    path.push((to, 0));
                }
            }
        }
    }
    turned
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Seen {
    Not,
    Open,
    Done,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callees_stand_right_of_callers_and_callers_near_them() {
        // web → api → db, web → db, cron → db
        let found = columns(4, &[(0, 1), (1, 2), (0, 2), (3, 2)]);
        assert_eq!(found.of, [0, 1, 2, 1]);
        assert_eq!(found.turned, [false; 4]);
    }

    #[test]
    fn a_ring_is_cut_once_and_a_call_to_oneself_is_none() {
        let found = columns(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        assert_eq!(found.of, [0, 1, 2]);
        assert_eq!(found.turned, [false, false, true, false]);
        // From outside the ring begins where it is entered.
        let entered = columns(3, &[(1, 2), (2, 1), (0, 2)]);
        assert_eq!(entered.of, [0, 2, 1]);
        assert_eq!(entered.turned, [true, false, false]);
    }
}
