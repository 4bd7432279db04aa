//! A rollout over real HTTP: servers of two versions, a weighted proxy, a load, and Shepherd, which moves the traffic
//! from one version to the other and takes it back when the new one does harm.

mod args;
#[cfg(test)]
mod conformance;
mod drive;
mod ground;
mod interrupts;
mod kept;
mod measure;
mod out;
mod report;
mod roles;
mod router;
mod state;
mod stopwatch;
mod traffic;
mod trouble;
mod view;
mod wish;
mod workload;
mod world;

use std::io;
use std::process::ExitCode;

use clap::Parser;
use shepherd_core::driver::Rollout;
use shepherd_core::machine::Outcome;
use shepherd_core::model::Target;
use shepherd_core::ports::Owner;

use args::{Args, Output};
use drive::{Drive, End};
use ground::time;
use interrupts::Interrupts;
use out::Out;
use report::{Seen, Summary};
use state::State;
use trouble::Trouble;
use view::View;
use wish::{CANDIDATE, Wish};
use world::{World, revision};

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let code = match run(&args).await {
        Ok(code) => code,
        Err(trouble) => tell_trouble(&args, &trouble),
    };
    ExitCode::from(code)
}

fn tell_trouble(args: &Args, trouble: &Trouble) -> u8 {
    Out::Stderr.line(format!("error: {trouble}"));
    // If this cannot be written either, the exit code still says it.
    let _ = tell_programs(args, &Summary::failed(trouble.to_string()));
    match trouble {
        Trouble::Input(_) => 2,
        Trouble::Stuck(_) => 3,
    }
}

async fn run(args: &Args) -> Result<u8, Trouble> {
    let wish = args.wish()?;
    if args.dry_run {
        return dry_run(args, &wish).await;
    }
    let owner = Owner::new(format!("process {}", std::process::id()));
    let state = match &args.state {
        Some(directory) => Some(State::open(directory, &target()?, &owner).await?),
        None => None,
    };
    match state.as_ref().and_then(|state| state.outcome.clone()) {
        Some(outcome) => tell_ended(args, outcome),
        None => roll_out(args, wish, state, owner).await,
    }
}

fn tell_ended(args: &Args, outcome: Outcome) -> Result<u8, Trouble> {
    Out::for_people(args.output).line(report::ended_already(&outcome));
    let end = End::Outcome(outcome);
    tell_programs(args, &Summary::of(&end, &Seen::default()))?;
    Ok(report::exit_code(&end))
}

async fn roll_out(args: &Args, asked: Wish, state: Option<State>, owner: Owner) -> Result<u8, Trouble> {
    let mut interrupts = Interrupts::listen();
    // A rollout that was begun goes on as it was asked at first.
    let wish = state.as_ref().and_then(|state| state.wish.clone()).unwrap_or_else(|| asked.clone());
    let world = World::open(&wish, state.as_ref().map(State::directory), args.port).await?;
    let rollout = bind(&wish, &world, state.as_ref(), owner)?;
    if let Some(state) = state.as_ref().filter(|state| state.wish.is_none()) {
        // Whatever cannot be is refused before the directory becomes that of a rollout.
        rollout.plan(revision(CANDIDATE)?).await?;
        state.begin(&wish)?;
        world.keep()?;
    }
    let people = Out::for_people(args.output);
    tell_beginning(
        people,
        &world,
        state.as_ref().filter(|state| state.wish.is_some()).map(|_| wish == asked),
    );
    let (begun, load) = (time::now(), world.load(args.rate));
    let handle = rollout.start(revision(CANDIDATE)?).await?;
    let mut drive = Drive::new(handle, &world, View::on(people));
    let end = drive.run(&mut interrupts).await;
    let triggered = drive.triggered;
    let off = triggered.zip(world.stopwatch.off_at()).map(|(triggered, off)| off.since(triggered));
    let totals = if matches!(end, End::Left) { load.totals() } else { load.stop().await };
    let met = world.met();
    let told = tell(args, &end, &Seen { totals, met, trigger_to_off: off, lasted: begun.elapsed() });
    if !matches!(end, End::Left) {
        world.close().await;
    }
    told.map(|()| report::exit_code(&end))
}

/// `as_asked` when it goes on: whether it was asked for what is asked for now.
fn tell_beginning(people: Out, world: &World, as_asked: Option<bool>) {
    match as_asked {
        None => {}
        Some(true) => people.line("going on with the rollout that was begun before"),
        Some(false) => {
            people.line("going on with the rollout that was begun before, as it was asked at first");
        }
    }
    people.line(format!("the service answers at http://{}", world.proxy.addr()));
}

fn bind(wish: &Wish, world: &World, state: Option<&State>, owner: Owner) -> Result<Rollout, Trouble> {
    let rollout = wish.apply(world.rollout(target()?, owner)?);
    let rollout = rollout.map_err(|error| Trouble::Input(error.to_string()))?;
    Ok(match state {
        Some(state) => rollout.stored_in(state.store()),
        None => rollout,
    }
    .build()?)
}

async fn dry_run(args: &Args, wish: &Wish) -> Result<u8, Trouble> {
    let world = World::open(wish, None, 0).await?;
    let rollout = bind(wish, &world, None, Owner::new("nobody"))?;
    let plan = rollout.plan(revision(CANDIDATE)?).await?;
    match args.output {
        Output::Text => {
            Out::Stdout.result(plan.dry_run().to_string().trim_end()).map_err(|error| unwritten(&error))?;
        }
        Output::Json => tell_programs(args, &plan)?,
    }
    world.close().await;
    Ok(0)
}

fn tell(args: &Args, end: &End, seen: &Seen) -> Result<(), Trouble> {
    Out::for_people(args.output).line(report::for_people(end, seen));
    tell_programs(args, &Summary::of(end, seen))
}

/// A program relies on its line: where it cannot be written, the program that runs this one must know.
fn tell_programs(args: &Args, what: &impl serde::Serialize) -> Result<(), Trouble> {
    if args.output == Output::Text {
        return Ok(());
    }
    let line = serde_json::to_string(what).map_err(|error| Trouble::Stuck(error.to_string()))?;
    Out::Stdout.result(line).map_err(|error| unwritten(&error))
}

fn unwritten(error: &io::Error) -> Trouble {
    Trouble::Stuck(format!("the result cannot be written to stdout: {error}"))
}

fn target() -> Result<Target, Trouble> {
    "shop/web".parse::<Target>().map_err(|error| Trouble::Input(error.to_string()))
}
