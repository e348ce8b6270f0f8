// A room server on socket.io with its defaults, over WebSocket only: ["join", room] and ["publish", room, text] in,
// ["joined", seq] and ["message", seq, room, text] out.
import { createServer } from "node:http";
import { Server } from "socket.io";
import { listen } from "./listen.mjs";

const server = createServer();
const io = new Server(server, { transports: ["websocket"], serveClient: false });
const seqs = new Map();

io.on("connection", (socket) => {
  socket.on("join", (room) => {
    socket.join(room);
    socket.emit("joined", seqs.get(room) ?? 0);
  });
  socket.on("publish", (room, text) => {
    const seq = (seqs.get(room) ?? 0) + 1;
    seqs.set(room, seq);
    io.to(room).emit("message", seq, room, text);
  });
});

listen(server);
