// A room server on ws: one ws.send for each client and message, of bytes that are encoded once. It speaks Rialto's plain
// mode with protobuf, as far as the generator needs it; the field numbers are those of rialto/chat/v1.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";
import { listen } from "./listen.mjs";

const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
const rooms = new Map();

function roomOf(id) {
  let room = rooms.get(id);
  if (room === undefined) {
    room = { id, seq: 0, clients: new Set() };
    rooms.set(id, room);
  }
  return room;
}

sockets.on("connection", (socket) => {
  const joined = new Set();
  socket.on("message", (data) => {
    const request = fields(data);
    const join = request.get(4);
    const publish = request.get(6);
    if (join !== undefined) {
      const room = roomOf(fields(join).get(1).toString());
      room.clients.add(socket);
      joined.add(room);
      socket.send(joinResponse(request.get(1), room));
    } else if (publish !== undefined) {
      const message = fields(publish);
      const room = roomOf(message.get(1).toString());
      room.seq++;
      const bytes = messageResponse(room, message.get(3));
      for (const client of room.clients) {
        client.send(bytes);
      }
    }
  });
  socket.on("close", () => {
    for (const room of joined) {
      room.clients.delete(socket);
    }
  });
});

listen(server);

/** The length-delimited fields of a protobuf message, by number. */
function fields(bytes) {
  const found = new Map();
  for (let at = 0; at < bytes.length; ) {
    let tag;
    [tag, at] = readVarint(bytes, at);
    let value;
    [value, at] = readVarint(bytes, at);
    if ((tag & 7) === 2) {
      found.set(tag >>> 3, bytes.subarray(at, at + value));
      at += value;
    }
  }
  return found;
}

function readVarint(bytes, at) {
  let value = 0;
  for (let scale = 1; ; scale *= 128) {
    const byte = bytes[at++];
    value += (byte & 127) * scale;
    if (byte < 128) {
      return [value, at];
    }
  }
}

function varint(value) {
  const bytes = [];
  for (; value > 127; value = Math.floor(value / 128)) {
    bytes.push((value % 128) + 128);
  }
  return Buffer.from([...bytes, value]);
}

const tag = (number, kind) => varint(number * 8 + kind);
const number = (field, value) => Buffer.concat([tag(field, 0), varint(value)]);
const bytes = (field, value) => Buffer.concat([tag(field, 2), varint(value.length), value]);

function joinResponse(requestId, room) {
  const state = Buffer.concat([bytes(1, Buffer.from(room.id)), number(5, room.seq), number(6, room.seq)]);
  const reply = Buffer.concat([bytes(1, requestId), bytes(4, bytes(2, state))]);
  const event = Buffer.concat([bytes(1, Buffer.from(room.id)), number(2, room.seq), bytes(20, bytes(3, state))]);
  return Buffer.concat([bytes(1, reply), bytes(2, event)]);
}

function messageResponse(room, text) {
  const id = Buffer.from(room.id);
  const message = Buffer.concat([bytes(1, id), number(2, room.seq), number(3, room.seq), bytes(9, text)]);
  return bytes(2, Buffer.concat([bytes(1, id), number(2, room.seq), bytes(4, message)]));
}
