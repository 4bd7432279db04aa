mod broken;
mod server;
mod shop;
mod sound;
