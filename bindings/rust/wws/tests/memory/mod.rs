//! A transport of its own for an application, in memory: what one end sends
//! waits in a queue until the other asks for it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use wws::{
    CustomConnection, CustomListener, CustomTransport, Status, TransportTask,
};

/// One direction of a connection.
#[derive(Default)]
struct Way(Mutex<Flow>);

#[derive(Default)]
struct Flow {
    pieces: VecDeque<(Vec<u8>, bool)>,
    end: Option<Status>,
    receiver: Option<TransportTask>,
}

impl Flow {
    /* Tasks call nobody back, so that this may hold the lock. */
    fn serve(&mut self) {
        let (task, status) = match (self.receiver.take(), self.end) {
            (None, _) => return,
            (Some(task), end) => match self.pieces.pop_front() {
                Some((octets, more)) => {
                    drop(task.give_piece(&octets, more));
                    (task, Status::S_OK)
                }
                None if end.is_some() => (task, end.unwrap()),
                None => return self.receiver = Some(task),
            },
        };
        drop(task.complete(status));
    }
}

impl Way {
    fn send(&self, task: TransportTask, octets: &[u8], more: bool) {
        let mut flow = self.0.lock().unwrap();
        if flow.end.is_some() {
            drop(task.fail("the other end has gone"));
            return;
        }
        flow.pieces.push_back((octets.to_vec(), more));
        flow.serve();
        drop(task.complete(Status::S_OK));
    }

    fn receive(&self, task: TransportTask) {
        let mut flow = self.0.lock().unwrap();
        flow.receiver = Some(task);
        flow.serve();
    }

    fn end(&self, status: Status) {
        let mut flow = self.0.lock().unwrap();
        flow.end = Some(status);
        flow.serve();
    }
}

fn connection(from: &Arc<Way>, to: &Arc<Way>) -> CustomConnection {
    let (sends, shuts, cuts) = (to.clone(), to.clone(), to.clone());
    let (receives, stops) = (from.clone(), from.clone());
    CustomConnection::new(
        move |task, octets, more| sends.send(task, octets, more),
        move |task| receives.receive(task),
        move |task| {
            shuts.end(Status::S_END);
            drop(task.complete(Status::S_OK));
        },
        |task| drop(task.complete(Status::S_OK)),
        move || {
            cuts.end(Status::E_ENDPOINT_DISCONNECTED);
            stops.end(Status::E_OPERATION_ABORTED);
        },
    )
}

/// Who listens: clients wait for an accept, or it for them.
#[derive(Default)]
struct Door {
    clients: VecDeque<CustomConnection>,
    accept: Option<TransportTask>,
}

impl Door {
    fn serve(&mut self) {
        if self.clients.is_empty() || self.accept.is_none() {
            return;
        }
        let (client, accept) =
            (self.clients.pop_front().unwrap(), self.accept.take().unwrap());
        drop(accept.give_connection(client, "memory", ""));
        drop(accept.complete(Status::S_OK));
    }
}

/// All who listen, by their addresses.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<HashMap<String, Door>>>);

impl Memory {
    fn doors(&self) -> MutexGuard<'_, HashMap<String, Door>> {
        self.0.lock().unwrap()
    }

    fn connect(&self, task: TransportTask, address: &str) {
        let (there, back) = (Arc::default(), Arc::default());
        let mut doors = self.doors();
        match doors.get_mut(address) {
            Some(door) => {
                let ours = connection(&back, &there);
                drop(task.give_connection(ours, "memory", ""));
                door.clients.push_back(connection(&there, &back));
                door.serve();
                drop(task.complete(Status::S_OK));
            }
            None => {
                drop(task.give_reason("nobody listens there"));
                drop(task.complete(Status::E_ENDPOINT_NOT_FOUND));
            }
        }
    }

    fn listen(&self, task: TransportTask, address: &str) {
        let mut doors = self.doors();
        if doors.contains_key(address) {
            drop(task.complete(Status::E_ADDRESS_IN_USE));
            return;
        }
        doors.insert(address.into(), Door::default());
        let (accepts, stops) = (self.clone(), self.clone());
        let (here, there) = (address.to_owned(), address.to_owned());
        let listener = CustomListener::new(
            move |task| accepts.accept(task, &here),
            move || stops.stop(&there),
        );
        drop(task.give_listener(listener, ""));
        drop(task.complete(Status::S_OK));
    }

    fn accept(&self, task: TransportTask, address: &str) {
        /* Nobody listens any more: the task is dropped, and has failed. */
        if let Some(door) = self.doors().get_mut(address) {
            door.accept = Some(task);
            door.serve();
        }
    }

    fn stop(&self, address: &str) {
        let door = self.doors().remove(address);
        for client in door.into_iter().flat_map(|door| door.clients) {
            (client.abort)();
        }
    }

    /// For both ends.
    pub fn transport(&self) -> CustomTransport {
        let (connects, listens) = (self.clone(), self.clone());
        CustomTransport {
            connect: Some(Arc::new(move |task, address| {
                connects.connect(task, address)
            })),
            listen: Some(Arc::new(move |task, address| {
                listens.listen(task, address)
            })),
        }
    }
}
