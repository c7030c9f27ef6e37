// The console: asks /v1/cluster once a second and draws what it says. No framework, no build step.

const periodMs = 1_000;
const element = (id) => document.getElementById(id);
/** Messages received per node at the last answer, for the rate. */
let before = { atMs: 0, received: new Map() };

async function poll() {
  try {
    const token = sessionStorage.getItem('token');
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch('v1/cluster', { headers, cache: 'no-store' });
    if (response.status === 401) return askForToken();
    if (!response.ok) throw new Error(`answer ${response.status}`);
    draw(await response.json());
  } catch (error) {
    say(`this node does not answer (${error.message})`, true);
  }
  setTimeout(poll, periodMs);
}

function askForToken() {
  sessionStorage.removeItem('token');
  element('login').hidden = false;
  say('a token is needed', true);
}

element('login').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', element('token').value);
  element('login').hidden = true;
  void poll();
});

function draw(cluster) {
  const unowned = cluster.owners.filter((owner) => owner < 0).length;
  const up = cluster.nodes.filter((node) => node.status !== 'dead').length;
  element('name').textContent = cluster.name;
  document.title = `${cluster.name}: ${up} nodes`;
  if (!cluster.storeUp) say('the store does not answer: membership is frozen, calls go on', true);
  else if (unowned > 0) say(`${unowned} partitions have no owner`, true);
  else say(`${up} nodes, all partitions served`, false);
  element('facts').textContent =
    `Table epoch ${cluster.epoch}, ${cluster.owners.length} partitions, ${cluster.moving} moving. Answered by node ${cluster.node}.`;
  element('calls').textContent = total(cluster.nodes, 'calls');
  element('registrations').textContent = total(cluster.nodes, 'registrations');
  drawRing(cluster);
  drawNodes(cluster);
}

function drawNodes(cluster) {
  const nowMs = performance.now();
  const received = new Map();
  const rows = cluster.nodes.map((node, index) => {
    const row = document.createElement('tr');
    row.className = node.status;
    const load = node.load ?? { calls: '-', registrations: '-', lateMs: '-' };
    if (node.load) received.set(`${node.id}.${node.incarnation}`, node.load.received);
    row.append(
      cell(node.id, colour(index, cluster.nodes.length)),
      cell(node.status),
      number(node.partitions),
      number(load.calls),
      number(load.registrations),
      number(rate(node, nowMs)),
      number(load.lateMs === '-' ? '-' : `${Math.round(load.lateMs)} ms`),
      cell(node.link),
      cell(new Date(node.incarnation).toLocaleString()),
    );
    return row;
  });
  before = { atMs: nowMs, received };
  element('nodes').replaceChildren(...rows);
}

function rate(node, nowMs) {
  const last = before.received.get(`${node.id}.${node.incarnation}`);
  if (!node.load || last === undefined || nowMs <= before.atMs) return '-';
  return Math.round(((node.load.received - last) * 1_000) / (nowMs - before.atMs));
}

/** Every partition one thin slice, from the top clockwise, in the colour of its owner. */
function drawRing(cluster) {
  const canvas = element('ring');
  const context = canvas.getContext('2d');
  const middle = canvas.width / 2;
  const slice = (2 * Math.PI) / cluster.owners.length;
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.lineWidth = middle * 0.18;
  cluster.owners.forEach((owner, partition) => {
    const from = partition * slice - Math.PI / 2;
    context.beginPath();
    // A little overlap hides the seams between slices.
    context.arc(middle, middle, middle * 0.85, from, from + slice * 1.5);
    context.strokeStyle = owner < 0 ? 'rgb(128 128 128 / 30%)' : colour(owner, cluster.nodes.length);
    context.stroke();
  });
}

function colour(index, count) {
  return `hsl(${Math.round((index * 360) / Math.max(count, 3) + 210) % 360} 60% 55%)`;
}

function total(nodes, field) {
  return nodes.reduce((sum, node) => sum + (node.load?.[field] ?? 0), 0);
}

function number(value) {
  const made = cell(String(value));
  made.className = 'number';
  return made;
}

function cell(text, swatch) {
  const made = document.createElement('td');
  if (swatch !== undefined) {
    const mark = document.createElement('span');
    mark.className = 'swatch';
    mark.style.background = swatch;
    made.append(mark);
  }
  made.append(text);
  return made;
}

function say(text, bad) {
  element('state').textContent = text;
  element('state').className = bad ? 'bad' : '';
}

void poll();
